"""Controls of the parts of Dep-MAP: each finds a planted part that matters, and one that is idle.

The true scores are the planted network's own estimates, so that every part on which an estimate
depends carries it, and no other does.
"""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from benchmarks import controls
from benchmarks.part_controls import (
    AS_TRAINED,
    ScoredClip,
    Scoring,
    estimate_all,
    nearest_channel_means,
    recorded,
    shallow_encoders,
)
from benchmarks.part_measures import (
    attention_measures,
    gradient_shares,
    shares_of_gradients,
    token_measures,
    weight_measures,
)
from depmap_cli.config import Config, ModelConfig, SamplingConfig, TrainConfig
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.distillation import prototype_activations
from depmap_cli.semantics.clip_model import SemanticFeatures, SemanticModel
from depmap_cli.weights.document import STARTED_RANDOM
from depmap_cli.weights.loading import Networks

pytestmark = pytest.mark.slow

DIM, FRAMES, PEOPLE, SIDE = 12, 20, 6, 64
CPU = torch.device("cpu")
SMALL = {"n_channels": 8, "token_dim": 8, "fused_channels": 8, "sampling_factor": 1.0}


class Semantics(SemanticModel):
    """The query of a frame is its image embedding."""

    typical_neutral = None

    def __init__(self):
        torch.nn.Module.__init__(self)

    def phrase_probabilities(self, image):
        return image

    def query(self, au_probabilities, angles):
        return F.normalize(au_probabilities, dim=-1)


class Maps(torch.nn.Module):
    """Random mixtures of the colours of each place, at four scales, in place of a backbone."""

    def __init__(self):
        super().__init__()
        self.mixtures = torch.nn.ParameterList(torch.randn(c, 3) for c in (64, 128, 256, 512))

    def forward(self, pixels):
        sides = (SIDE // 4, SIDE // 8, SIDE // 16, SIDE // 32)
        small = [F.adaptive_avg_pool2d(pixels, side) for side in sides]
        pairs = zip(self.mixtures, small, strict=True)
        return [torch.einsum("kc,nchw->nkhw", mixture, x).relu() for mixture, x in pairs]


def network(kind=DepMap, **settings):
    torch.manual_seed(3)
    model = kind(config=ModelConfig(**{**SMALL, **settings}), semantic_dim=DIM)
    model.backbone = Maps()
    return model.eval().requires_grad_(False)


def clips_of(moving=True, image=None):
    """One clip of each person; in a still one all frames are the same."""
    clips = []
    for person in range(PEOPLE):
        rng = np.random.default_rng(person)
        n = FRAMES if moving else 1
        shown = rng.integers(0, 256, (1, SIDE // 8, SIDE // 8, 3)) / 2
        shown = shown + rng.integers(0, 256, (n, SIDE // 8, SIDE // 8, 3)) / 2
        faces = shown.astype(np.uint8).repeat(8, 1).repeat(8, 2)
        embedding = rng.normal(size=(1, DIM)) + rng.normal(size=(n, DIM))
        units = np.clip(rng.uniform(size=(1, 18)) / 2 + rng.uniform(size=(n, 18)) / 2, 0, 1)
        repeat = FRAMES // n
        embedding = embedding.repeat(repeat, 0) if image is None else image[person]
        features = SemanticFeatures(
            image=torch.from_numpy(embedding).float(),
            au_probabilities=torch.from_numpy(units.repeat(repeat, 0)).float(),
            covered=torch.zeros(FRAMES),
            angles=torch.zeros(FRAMES, 5),
        )
        clips.append(
            VideoClip(
                video=_video(str(person), 20),
                faces=faces.repeat(repeat, 0),
                features=features,
                usable=np.arange(FRAMES),
                times=np.arange(FRAMES) / 3,
            )
        )
    return clips


def _video(subject, score):
    return LabelledVideo(
        split="Development",
        subject=subject,
        session="1",
        task="Freeform",
        path=Path(f"{subject}.mp4"),
        score=score,
    )


def scoring_of(model):
    return Scoring(
        model=model, semantics=Semantics(), device=CPU, frames=FRAMES, training_frames=FRAMES
    )


def built(clips, change=lambda model: None, kind=DepMap, **settings):
    """A random network whose estimates spread over the scale, and whose logits are standardised."""
    model = network(kind, **settings)
    change(model)
    with recorded(model, ()) as seen:
        scored = [ScoredClip(scoring_of(model), clip, i) for i, clip in enumerate(clips)]
    if seen.prototypes is not None:
        model.level_logits.update(prototype_activations(seen.tokens, seen.prototypes), reset=True)
    frames = torch.cat([clip.intact.frames.scores for clip in scored])
    gain = 12 / frames.std()
    model.head.weight *= gain
    model.head.bias.copy_(model.head.bias * gain + (30 - gain * (frames.mean() - 15) - 15) / 12)
    return model


def labelled(model, clips):
    """The clips, with the network's own estimates as scores."""
    found = []
    for number, clip in enumerate(clips):
        score = round(ScoredClip(scoring_of(model), clip, number).intact.score)
        found.append(dataclasses.replace(clip, video=_video(clip.video.subject, score)))
    return found


def rows_of(model, clips, constants=()):
    clips = labelled(model, clips)
    estimates = estimate_all(scoring_of(model), clips, constants)
    assert estimates.values[AS_TRAINED].std() > 1
    rows = controls.rows_of(estimates, controls.Table([clip.video for clip in clips]))
    return {f"{row.part}: {row.name}": row for row in rows}


def assert_carries(row):
    assert row.verdict == "carries", row
    assert row.difference.high < 0
    assert row.moved > controls.IDLE


def assert_idle(row):
    assert row.verdict == "idle", row
    assert row.moved == pytest.approx(0, abs=0.02)
    assert row.difference.value == pytest.approx(0, abs=0.02)


WEIGHTING = (
    "prototypes: random",
    "prototypes: channel means",
    "w: level means",
    "MAP: mean of all frames",
    "MAP: random frames",
)


def with_uneven_w(model):
    model.level_logits.weight.copy_(torch.randn(model.level_logits.weight.shape) * 3)


def test_what_weighs_the_frames_matters_if_frames_differ():
    clips = clips_of()
    rows = rows_of(built(clips, with_uneven_w), clips)
    for name in WEIGHTING:
        assert_carries(rows[name])


def test_what_weighs_the_frames_is_idle_if_all_frames_are_the_same():
    clips = clips_of(moving=False)
    rows = rows_of(built(clips, with_uneven_w), clips)
    removed = [name for name in rows if name.startswith("key frames")]
    assert len(removed) == 3
    for name in (*WEIGHTING, *removed):
        assert_idle(rows[name])


def test_equal_w_is_idle():
    clips = clips_of()
    assert_idle(rows_of(built(clips), clips)["w: level means"])


def test_prototypes_that_are_channel_means_are_found():
    clips = clips_of()
    model = built(clips)
    with recorded(model, ()) as seen:
        for number, clip in enumerate(clips):
            ScoredClip(scoring_of(model), clip, number)
    means = nearest_channel_means(seen.tokens, seen.prototypes)
    model.clusters.prototypes.copy_(means)
    model.level_logits.update(prototype_activations(seen.tokens, means), reset=True)
    rows = rows_of(model, clips)
    assert_idle(rows["prototypes: channel means"])
    assert_carries(rows["prototypes: random"])


ATTENTION = ("attention: ESA: constant", "ESA: off", "attention: MSR: constant")


def with_strong_attention(model):
    model.guidance.gamma.fill_(5)
    for part in model.fusion.ready.values():
        part.attention[-2].weight *= 100


def with_idle_attention(model):
    model.guidance.gamma.zero_()
    for part in model.fusion.ready.values():
        part.attention[-2].weight.zero_()


def test_attention_that_varies_matters():
    clips = clips_of()
    rows = rows_of(built(clips, with_strong_attention), clips)
    for name in ATTENTION:
        assert_carries(rows[name])


def test_attention_that_does_not_vary_is_idle():
    clips = clips_of()
    rows = rows_of(built(clips, with_idle_attention), clips)
    for name in ATTENTION:
        assert_idle(rows[name])


def with_signals(model):
    """A regression that counts the action units."""
    head = model.signal_head
    hidden_weight = torch.zeros_like(head.hidden_weight)
    hidden_weight[0, :18] = 1.0
    output_weight = torch.zeros_like(head.output_weight)
    output_weight[0] = 10.0
    head.set(
        mean=head.mean + 0.5,
        std=head.std * 0.2,
        hidden_weight=hidden_weight,
        hidden_bias=head.hidden_bias + 2,
        output_weight=output_weight,
        output_bias=torch.tensor(10.0),
    )


def test_the_network_and_the_regression_on_signals_matter_if_both_differ_between_people():
    clips = clips_of()
    rows = rows_of(built(clips, with_signals), clips)
    assert_carries(rows["signals: off"])
    assert_carries(rows["network: off"])


def test_without_a_regression_there_is_no_such_control():
    clips = clips_of()
    assert not {"signals: off", "network: off"} & set(rows_of(built(clips), clips))


class WithShallowTokens(DepMap):
    """Adds a number read from the tokens of S1 to the scores."""

    share = 1.0

    def encode_maps(self, features, image, text, readings=None):
        frames = super().encode_maps(features, image, text, readings)
        shallow = self.behaviour["1"](features[0])[:, 0, 0]
        return dataclasses.replace(frames, scores=frames.scores + 40 * self.share * shallow)


class WithIdleShallowTokens(WithShallowTokens):
    """Computes them for nothing."""

    share = 0.0


def test_kdm_is_controlled_only_on_the_scoring_path():
    clips = clips_of()
    for kind, names in ((DepMap, []), (WithShallowTokens, ["behaviour.1"])):
        model = built(clips, kind=kind)
        with recorded(model, ()) as seen:
            ScoredClip(scoring_of(model), clips[0], 0)
        assert shallow_encoders(model, seen) == names
    assert_carries(rows_of(model, clips)["KDM: behaviour.1: constant"])
    idle = rows_of(built(clips, kind=WithIdleShallowTokens), clips)
    assert_idle(idle["KDM: behaviour.1: constant"])


def test_any_module_can_be_made_constant():
    clips = clips_of()
    model = built(clips)
    rows = rows_of(model, clips, ["fusion.read", "guidance.key"])
    assert_carries(rows["module: fusion.read: constant"])
    model.guidance.gamma.zero_()
    assert_idle(rows_of(model, clips, ["guidance.key"])["module: guidance.key: constant"])
    with pytest.raises(ValueError, match=r"scoring does not use the module behaviour\.2"):
        estimate_all(scoring_of(model), clips, ["behaviour.2"])


class Planted(DepMap):
    """The first two numbers of the image embedding are a frame's score and its confidence."""

    def encode_maps(self, features, image, text, readings=None):
        frames = super().encode_maps(features, image, text, readings)
        logits = F.pad(image[:, 1:2], (0, 3)).float()
        return dataclasses.replace(frames, scores=image[:, 0].float(), logits=logits)


def planted_rows(informative):
    """Three confident frames in each clip; ``informative`` says which frames know the score."""
    images = []
    for person in range(PEOPLE):
        rng = np.random.default_rng(person)
        key = rng.permutation(FRAMES)[:3]
        image = np.zeros((FRAMES, DIM))
        image[:, 0] = 30
        image[key, 1] = 5
        image[informative(key), 0] = 5 + 8 * person
        images.append(image)
    clips = clips_of(image=images)
    return rows_of(network(Planted), clips)


def test_key_frames_that_know_the_score_are_missed():
    rows = planted_rows(lambda key: key)
    for name in ("10%", "25%", "50%"):
        assert_carries(rows[f"key frames: {name} removed"])
    # Without MAP, three frames of 20 know the score, and the others say 30.
    truth = 5.0 + 8 * np.arange(PEOPLE)
    error = np.sqrt(np.mean((17 / 20 * (30 - truth)) ** 2))
    assert rows["MAP: mean of all frames"].rmse == pytest.approx(error, abs=1e-3)
    assert rows["MAP: mean of all frames"].difference.value == pytest.approx(-error, abs=1e-3)


def test_key_frames_are_idle_if_every_frame_knows_the_score():
    rows = planted_rows(lambda key: slice(None))
    for name in ("10%", "25%", "50%"):
        assert_idle(rows[f"key frames: {name} removed"])
    assert_idle(rows["MAP: mean of all frames"])


def test_a_part_that_does_harm_and_one_that_is_not_shown():
    """The table of known errors: a part that doubles the error, and one that moves it both ways."""
    table = controls.Table([_video(str(i), 20 + i) for i in range(12)])
    truth = 20.0 + np.arange(12)
    sign = np.resize([1.0, -1.0], 12)
    ours, better = (truth + 2 * sign)[None], (truth + sign)[None]
    row = table.compare("part", "harmful", ours, better, ours[0])
    assert (row.verdict, row.moved) == ("harms", pytest.approx(1))
    assert row.difference.value == pytest.approx(1)
    row = table.compare("part", "other", ours, (truth - 2 * sign)[None], ours[0])
    assert (row.verdict, row.moved) == ("not shown", pytest.approx(4))
    assert table.compare("part", "few", ours, ours + 0.1, ours[0]).verdict == "idle"
    change = table.changes(ours + 1, ours + 3, ours[0])
    assert (change.value, change.low) == (pytest.approx(2), pytest.approx(2))


def measured(measures):
    return {measure.name: measure.value for measure in measures}


def test_tokens_that_only_name_their_channel():
    torch.manual_seed(0)
    tokens = F.normalize(torch.randn(1, 8, 6), dim=-1).expand(50, 8, 6)
    prototypes = F.normalize(torch.randn(4, 2, 6), dim=-1)
    between, winner, same, _, _, explained = measured(token_measures(tokens, prototypes)).values()
    assert (between, same) == (pytest.approx(1), pytest.approx(1))
    assert winner == pytest.approx(0, abs=1e-6)
    assert explained == pytest.approx(1, abs=1e-6)


def test_tokens_without_a_channel():
    torch.manual_seed(0)
    tokens, prototypes = torch.randn(4000, 8, 6), F.normalize(torch.randn(4, 2, 6), dim=-1)
    between, winner, same, use, dead, explained = measured(
        token_measures(tokens, prototypes)
    ).values()
    assert between < 0.01
    assert winner > 0.99
    assert same == pytest.approx(1 / 8, abs=0.02)
    assert explained < 0.01
    assert (use > 0.8, dead) == (True, 0)


def test_a_prototype_that_no_token_is_near():
    torch.manual_seed(0)
    prototypes = F.normalize(torch.eye(6)[:4].view(2, 2, 6), dim=-1)
    tokens = torch.eye(6)[[0, 1, 2]].repeat(100, 1, 1)
    found = measured(token_measures(tokens, prototypes))
    (dead,) = (value for name, value in found.items() if name.startswith("share of prototypes"))
    assert dead == pytest.approx(1 / 4)


def test_concentration_of_weights():
    equal, one = np.full(20, 1 / 20), np.eye(20)[3]
    assert list(measured(weight_measures([equal])).values()) == pytest.approx([0.5, 0.9, 1])
    assert list(measured(weight_measures([one])).values()) == pytest.approx([1 / 20] * 3)
    half = list(measured(weight_measures([equal, one])).values())
    assert half == pytest.approx([0.275, 0.475, 0.525])


def test_variation_of_attention():
    channels = torch.linspace(0, 1, 5).expand(30, 5)
    frames = torch.linspace(0, 1, 30)[:, None].expand(30, 5)
    sd = float(torch.linspace(0, 1, 30).std())
    assert list(measured(attention_measures({"a": [channels]})).values()) == pytest.approx([0, 0])
    assert list(measured(attention_measures({"a": [frames]})).values()) == pytest.approx([sd, 1])


def test_gradients_by_hand():
    model = torch.nn.ParameterDict({"a": torch.zeros(1), "b": torch.zeros(1)})
    terms = {
        "squared error": 2 * model["a"].sum(),
        "beside": 5 * model["b"].sum(),
        "both": 3 * model["a"].sum() + 4 * model["b"].sum(),
    }
    found = {g.loss: (g.reaching, g.relative) for g in shares_of_gradients(model, terms)}
    assert found["squared error"] == pytest.approx((1, 1))
    assert found["beside"] == pytest.approx((0, 0))
    assert found["both"] == pytest.approx((9 / 25, 3 / 2))


def test_contrastive_losses_of_shallow_scales_do_not_reach_a_frozen_network():
    clips = clips_of()
    model = built(clips)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    networks = Networks(
        model=model,
        semantics=Semantics(),
        path=Path("w.safetensors"),
        sha256="",
        document={"started_from": STARTED_RANDOM},
        config=Config(model=model.config),
        sampling=SamplingConfig(),
        device=CPU,
    )

    def shares(frozen):
        train = TrainConfig(frames=6, batch_size=4, freeze_backbone=frozen)
        return {g.loss: g.reaching for g in gradient_shares(networks, clips, train)}

    frozen, free = shares(True), shares(False)
    assert {f"Eq. (14) at S{s}" for s in (1, 2, 3, 4)} <= frozen.keys()
    assert frozen["squared error"] == pytest.approx(1)
    assert free["squared error"] == pytest.approx(1)
    assert frozen["Eq. (14) at S1"] == 0
    assert free["Eq. (14) at S1"] > 0
    assert frozen["Eq. (14) at S4"] > 0  # through the guidance
    assert frozen["au loss"] == pytest.approx(1)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.slow
@pytest.mark.usefixtures("faces_in_process")
def test_the_command_prints_a_table(corpus, cache, monkeypatch, capsys):
    arguments = ["--data", corpus, "--cache", cache, "--frames", 8]
    monkeypatch.setattr(sys, "argv", ["controls.py", *map(str, arguments), "--json"])
    controls.main()
    found = json.loads(capsys.readouterr().out)
    parts = {row["part"] for row in found["rows"]}
    assert {"prototypes", "w", "MAP", "attention", "ESA", "key frames", "baseline"} <= parts
    assert all(np.isfinite(row["rmse"]) for row in found["rows"])
    monkeypatch.setattr(sys, "argv", ["controls.py", *map(str, arguments)])
    controls.main()
    shown = capsys.readouterr().out
    assert "KDM: no encoder of a shallower scale is on the scoring path" in shown
    assert "training mean" in shown
