"""The whole network: batch invariance, inference, learning and reproducibility."""

import inspect

import pytest
import torch

from depmap_cli.domain.bdi import level_of
from depmap_cli.model.distillation import contrastive_alignment
from depmap_cli.model.losses import depmap_loss
from depmap_cli.model.sparsity import sparsity

BASELINE_WEIGHTS = {"emotional": False, "esa": False, "sdpm": False, "kdm": False, "map": False}
TABLE_3 = {
    "visual": {**BASELINE_WEIGHTS, "msr": False},
    "msr": BASELINE_WEIGHTS,
    "esa": {**BASELINE_WEIGHTS, "emotional": True, "esa": True},
    "sdpm, map": {"kdm": False},
    "sdpm, kdm": {"map": False},
    "all": {},
}
READINGS = {"tokens": "readings"}
TARGET = torch.tensor([3.0, 41.0])


def loss_of(model, batch, target=TARGET, weight=0.1):
    videos, frames = model(*batch)
    levels = torch.tensor([level_of(score) for score in target.tolist()])
    return depmap_loss(model, videos, frames, target, levels, batch[3], weight)


def train(model, batch, steps):
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        loss_of(model, batch).total.backward()
        yield
        optimiser.step()


def score(model, *batch):
    with torch.inference_mode():
        return model(*batch)[0].score


class TestBatchInvariance:
    """The score of a video does not depend on the other videos in its batch."""

    @pytest.fixture(params=[{}, READINGS], ids=["positions", "readings"])
    def model(self, request, tiny):
        return tiny(**request.param).eval()

    def test_alone_in_any_batch_in_any_order(self, model, videos):
        batch = videos(4, 6)
        together = score(model, *batch)
        assert together.std() > 0.1  # or nothing is tested
        for i in range(4):
            alone = score(model, *(x[i : i + 1] for x in batch))
            torch.testing.assert_close(alone, together[i : i + 1], atol=1e-4, rtol=1e-5)
        order = torch.tensor([2, 0, 3, 1])
        shuffled = score(model, *(x[order] for x in batch))
        torch.testing.assert_close(shuffled, together[order], atol=1e-4, rtol=1e-5)

    @pytest.mark.parametrize("fill", [0.0, 30.0])
    def test_padding_changes_nothing(self, model, videos, fill):
        batch = videos(2, 5)
        pixels, image, text, readings = (
            torch.cat([x, torch.full_like(x[:, :3], fill)], 1) for x in (*batch[:3], batch[4])
        )
        valid = torch.cat([batch[3], torch.zeros(2, 3, dtype=torch.bool)], 1)
        padded = score(model, pixels, image, text, valid, readings)
        torch.testing.assert_close(padded, score(model, *batch), atol=1e-4, rtol=1e-5)

    def test_frames_in_pieces_equal_the_whole(self, model, videos):
        pixels, image, text, valid, readings = videos(1, 6)

        def encoded(frames):
            maps = model.backbone(pixels[0, frames])
            return model.encode_maps(maps, *(x[0, frames] for x in (image, text, readings)))

        with torch.inference_mode():
            whole = encoded(slice(None))
            pieces = [encoded(slice(i, i + 2)) for i in (0, 2, 4)]
        for name in ("fused", "scores", "activations", "logits"):
            joined = torch.cat([getattr(piece, name) for piece in pieces])
            torch.testing.assert_close(joined, getattr(whole, name), atol=1e-4, rtol=1e-4)
        names = ("fused", "scores", "logits")
        joined = [torch.cat([getattr(piece, name) for piece in pieces])[None] for name in names]
        expected = score(model, pixels, image, text, valid, readings)
        torch.testing.assert_close(model.fuse(*joined, valid).score, expected, atol=1e-4, rtol=1e-5)


def test_inference_has_no_label_argument(tiny, videos):
    model = tiny()
    given = inspect.signature(type(model).forward).parameters
    assert list(given) == ["self", "pixels", "image", "text", "valid", "readings"]


def test_losses_do_not_touch_evaluation(tiny, videos):
    model, batch = tiny().eval(), videos(2, 4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = score(model, *batch)
    for target in (TARGET, TARGET.flip(0)):
        loss_of(model, batch, target)
        assert torch.equal(score(model, *batch), first)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    "settings",
    [*TABLE_3.values(), READINGS, {**READINGS, "kdm": False}, {**READINGS, "map": False}],
)
def test_every_parameter_learns(tiny, videos, settings):
    model, batch = tiny(head=0.01, sampling_factor=5.0, **settings), videos(2, 3)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    start = {name: p.detach().clone() for name, p in trained.items()}
    reached = set()
    for _ in train(model, batch, 3):
        slopes = {n: p.grad.abs().max() for n, p in trained.items() if p.grad is not None}
        reached |= {n for n, slope in slopes.items() if slope > 1e-6}  # less is zero, rounded
    assert sorted(set(trained) - reached) == []
    assert [n for n, p in trained.items() if torch.equal(p.detach(), start[n])] == []
    assert all(p.isfinite().all() for p in trained.values())


def test_prototypes_of_the_levels_in_the_batch_move(tiny, videos):
    model, batch = tiny(), videos(2, 3)
    before = model.clusters.bank.clone()
    for _ in train(model, batch, 1):
        pass
    moved = (model.clusters.bank != before).flatten(1).any(1)
    assert moved.tolist() == [True, False, False, True]  # 3 is minimal, 41 severe


def test_training_lowers_the_loss(tiny, videos):
    model, batch = tiny(head=0.01), videos(2, 3)
    model.train()
    first = loss_of(model, batch).regression.detach()
    for _ in train(model, batch, 5):
        pass
    assert loss_of(model, batch).regression.detach() < 0.98 * first


def test_same_seed_gives_identical_results(tiny, videos):
    runs = []
    for _ in range(2):
        model, batch = tiny(seed=3), videos(2, 3)
        forward = score(model.eval(), *batch)
        for _ in train(model, batch, 2):
            pass
        runs.append((forward, model.state_dict()))
    assert torch.equal(runs[0][0], runs[1][0])
    for name, value in runs[0][1].items():
        assert torch.equal(value, runs[1][1][name]), name


@pytest.mark.parametrize("row", TABLE_3)
def test_fusing_scores_equals_scoring_the_fused(tiny, videos, row):
    model, batch = tiny(**TABLE_3[row]).eval(), videos(2, 5)
    with torch.inference_mode():
        result, frames = model(*batch)
        mean, std = model.target
        expected = mean + std * model.head(result.fused).squeeze(-1)
    torch.testing.assert_close(result.score, expected, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(result.weights.sum(1), torch.ones(2))
    by_frame = (result.weights * frames.scores.view(2, 5)).sum(1)
    torch.testing.assert_close(result.score, by_frame)


def test_only_key_frames_have_weight(tiny, videos):
    weights = tiny().eval()(*videos(2, 6))[0].weights
    assert ((weights > 0).sum(1) == 2).all()  # round(ln 6)
    equal = tiny(map=False).eval()(*videos(2, 6))[0].weights
    torch.testing.assert_close(equal, torch.full((2, 6), 1 / 6))


def test_level_shares_sum_to_one(tiny, videos):
    levels = tiny().eval()(*videos(2, 3))[0].levels
    torch.testing.assert_close(levels.sum(1), torch.ones(2))


def test_first_estimate_is_about_the_training_mean(videos):
    from depmap_cli.config import ModelConfig
    from depmap_cli.model.depmap import DepMap

    torch.manual_seed(0)
    model = DepMap(config=ModelConfig(), semantic_dim=12, target_mean=21.5, target_std=9.0).eval()
    assert score(model, *videos(2, 2)).tolist() == pytest.approx([21.5, 21.5], abs=2)


@pytest.mark.parametrize("name", ["resnet34", "resnet50"])
def test_deeper_backbones(tiny, videos, name):
    model = tiny(backbone=name).eval()
    assert score(model, *videos(1, 1)).isfinite().all()


def test_smallest_face(tiny, videos):
    model = tiny().eval()
    assert score(model, *videos(1, 2, side=32)).isfinite().all()


@pytest.mark.parametrize("scales", [(1,), (4,), (2, 3, 4)])
def test_kdm_works_on_the_scales_that_are_fused(tiny, videos, scales):
    model, batch = tiny(scales=scales).train(), videos(2, 3)
    assert set(loss_of(model, batch).contrastive) == {*scales, 4}


def in_units_of_variance(model, loss):
    return loss.regression / model.target[1] ** 2


class TestLoss:
    """Eq. (3): the total loss and its terms."""

    def test_total(self, tiny, videos):
        model, batch = tiny().train(), videos(2, 3)
        loss = loss_of(model, batch, weight=0.3)
        assert set(loss.contrastive) == {1, 2, 3, 4}
        expected = in_units_of_variance(model, loss) + 0.3 * sum(loss.contrastive.values())
        torch.testing.assert_close(loss.total, expected)

    def test_regression_is_the_mean_squared_error_in_points(self, tiny, videos):
        model, batch = tiny().eval(), videos(2, 3)
        estimate = score(model, *batch)
        expected = ((estimate[0] - TARGET[0]) ** 2 + (estimate[1] - TARGET[1]) ** 2) / 2
        torch.testing.assert_close(loss_of(model, batch).regression.detach(), expected)

    def test_weight_zero_leaves_regression_and_moves_prototypes(self, tiny, videos):
        model, batch = tiny().train(), videos(2, 3)
        loss = loss_of(model, batch, weight=0.0)
        assert loss.contrastive == {}
        assert torch.equal(loss.total, in_units_of_variance(model, loss))
        assert model.clusters.initialised.tolist() == [True, False, False, True]

    def test_contrastive_loss_uses_the_tokens_with_the_largest_sparsity(self, tiny, videos):
        model, batch = tiny().eval(), videos(2, 6)
        batch[3][1, 4:] = False
        tokens = model(*batch)[1].tokens[4].view(2, 6, 8, 8)
        bound = sparsity(tokens, batch[3])[1]  # Eq. 6
        key = torch.zeros(2, 6, 8, dtype=torch.bool)
        for video, (time, u) in enumerate([(6, 2), (4, 1)]):  # u = round(ln T)
            for channel in range(8):
                key[video, bound[video, :time, channel].topk(u)[1], channel] = True
        levels = torch.tensor([0, 3])
        choice = model.clusters.assign(tokens, key, levels)
        expected = contrastive_alignment(tokens, model.clusters.bank, choice, levels, 0.1)
        torch.testing.assert_close(loss_of(model, batch).contrastive, {4: expected})

    def test_swapped_labels_swap_only_the_loss(self, tiny, videos):
        model, batch = tiny().eval(), videos(2, 3)
        first = loss_of(model, batch).regression
        assert not torch.equal(loss_of(model, batch, TARGET.flip(0)).regression, first)

    def test_without_prototypes_there_is_regression_only(self, tiny, videos):
        model, batch = tiny(**BASELINE_WEIGHTS).train(), videos(2, 3)
        loss = loss_of(model, batch)
        assert loss.contrastive == {}
        assert torch.equal(loss.total, in_units_of_variance(model, loss))


def test_mixed_precision_trains(tiny, videos):
    model, batch = tiny(head=0.01).train(), videos(2, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(model, batch)
    loss.total.backward()
    assert loss.total.dtype == torch.float32
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name


class TestTokensFromReadings:
    """Prototypes of what faces do: their activations have a part in the score."""

    @pytest.fixture
    def model(self, tiny):
        return tiny(**READINGS).eval()

    def test_scores_depend_on_readings_and_prototypes(self, model, videos):
        pixels, image, text, valid, readings = videos(2, 4)
        before = score(model, pixels, image, text, valid, readings)
        other = score(model, pixels, image, text, valid, readings.flip(-1))
        assert (other - before).abs().min() > 0.1
        bank = model.clusters.bank
        bank.copy_(torch.nn.functional.normalize(torch.randn_like(bank), dim=-1))
        replaced = score(model, pixels, image, text, valid, readings)
        assert (replaced - before).abs().min() > 0.1

    def test_positions_leave_both_out(self, tiny, videos):
        model = tiny(map=False).eval()
        pixels, image, text, valid, readings = videos(2, 4)
        before = score(model, pixels, image, text, valid, readings)
        assert torch.equal(score(model, pixels, image, text, valid, readings.flip(-1)), before)
        bank = model.clusters.bank
        bank.copy_(torch.nn.functional.normalize(torch.randn_like(bank), dim=-1))
        assert torch.equal(score(model, pixels, image, text, valid, readings), before)

    def test_activations_end_the_fused_vector(self, model, videos):
        frames = model(*videos(2, 4))[1]
        n = frames.activations[0].numel()
        assert model.head.in_features == frames.fused.shape[1] == model.map_dim + n
        torch.testing.assert_close(frames.fused[:, -n:], frames.activations.flatten(1))

    def test_unknown_readings_count_as_the_mean_in_training(self, model, videos):
        pixels, image, text, valid, readings = videos(2, 4)
        model.reading_encoder.fit(readings.flatten(0, 1) + 3)
        mean = model.reading_encoder.standardise.mean[:5].expand(2, 4, 5)
        at_mean = torch.cat([mean, readings[..., 5:]], -1)
        unknown = torch.cat([torch.full_like(mean, torch.nan), readings[..., 5:]], -1)
        found = score(model, pixels, image, text, valid, unknown)
        expected = score(model, pixels, image, text, valid, at_mean)
        torch.testing.assert_close(found, expected)
        assert (found - score(model, pixels, image, text, valid, readings)).abs().max() > 1e-3
