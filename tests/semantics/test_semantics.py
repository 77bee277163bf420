"""The semantic model: open_clip models from local files, and our own training of one."""

import json

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from depmap_cli.config import SemanticsTrainConfig
from depmap_cli.domain.action_units import ACTION_UNITS, NEUTRAL_PHRASE
from depmap_cli.domain.head_and_gaze import ANGLES
from depmap_cli.io.checkpoint import load_checkpoint, save_checkpoint
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.semantics.clip_model import BUNDLED_MODEL, SemanticFeatures
from depmap_cli.semantics.landmark_units import LANDMARK_UNITS
from depmap_cli.semantics.load_model import load_semantic_model
from depmap_cli.semantics_training import AuFrames, SemanticsRun, train_semantics
from depmap_cli.semantics_training.batches import make_batch
from depmap_cli.semantics_training.sentences import sentences_of
from depmap_cli.weights.locations import default_semantic_weights

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 64, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


UNKNOWN_ANGLES = np.full((8, 5), np.nan, np.float32)
UNKNOWN_LANDMARKS = np.full((8, 68, 2), np.nan, np.float32)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """An open_clip model that depmap did not train: (name, path of its weights)."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / "tiny-vit-test.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder / "tiny-vit-test.json")
    torch.manual_seed(0)
    model = open_clip.create_model("tiny-vit-test")
    save_file(model.state_dict(), folder / "tiny.safetensors")
    return "tiny-vit-test", folder / "tiny.safetensors"


@pytest.fixture(scope="module")
def faces(face_frames):
    from depmap_cli.faces import align_face
    from depmap_cli.faces.align import TEMPLATE

    return np.stack([align_face(f, TEMPLATE * 150 + 20, 128) for f in face_frames[:8]])


def test_any_open_clip_model_can_be_loaded_from_a_local_file(tiny, faces):
    from depmap_cli.semantics.load_model import load_semantic_model

    name, path = tiny
    semantics = load_semantic_model(name, str(path))
    seen = semantics(torch.from_numpy(faces))
    assert seen.image.shape == (8, 16)
    assert seen.au_probabilities.shape == (8, 18)
    torch.testing.assert_close(seen.image.norm(dim=1), torch.ones(8))
    # an independent path through open_clip's own preprocessing
    from PIL import Image

    model = open_clip.create_model(name)
    from safetensors.torch import load_file

    model.load_state_dict(load_file(path))
    resize = open_clip.image_transform(
        32, is_train=False, mean=model.visual.image_mean, std=model.visual.image_std
    )
    with torch.no_grad():
        expected = model.eval().encode_image(resize(Image.fromarray(faces[0]))[None])
    expected = torch.nn.functional.normalize(expected, dim=-1)
    assert float(expected @ seen.image[0]) > 0.999


def test_weights_of_another_architecture_are_refused(tiny, tmp_path):
    from depmap_cli.errors import WeightsInvalid
    from depmap_cli.semantics.load_model import load_semantic_model

    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(WeightsInvalid, match="does not fit"):
        load_semantic_model(tiny[0], str(path))


def test_a_pickle_is_never_loaded(tiny, tmp_path):
    from depmap_cli.errors import WeightsInvalid
    from depmap_cli.semantics.load_model import load_semantic_model

    path = tmp_path / "model.pt"
    torch.save({"x": torch.zeros(2)}, path)
    with pytest.raises(WeightsInvalid, match="safetensors"):
        load_semantic_model(tiny[0], str(path))


def test_unknown_models_and_tags_are_refused():
    from depmap_cli.errors import UsageProblem
    from depmap_cli.semantics.load_model import build_clip, load_semantic_model

    with pytest.raises(UsageProblem, match="no such model"):
        build_clip("no-such-model")
    with pytest.raises(UsageProblem, match="neither a file nor a pretrained tag"):
        load_semantic_model("ViT-B-32", "no-such-tag")
    with pytest.raises(UsageProblem, match="would have to be downloaded"):
        load_semantic_model("ViT-B-32", "openai")


def test_query_mixes_phrases_by_probability(tiny):
    from depmap_cli.semantics.load_model import load_semantic_model

    semantics = load_semantic_model(tiny[0], str(tiny[1]))
    au_probabilities = torch.zeros(3, 18)
    au_probabilities[1, 8] = 1
    au_probabilities[2, 8] = au_probabilities[2, 4] = 1
    query = semantics.query(au_probabilities, torch.full((3, 5), torch.nan))
    torch.testing.assert_close(query[0], semantics.neutral[0])
    torch.testing.assert_close(query[1], semantics.phrases[8])
    both = torch.nn.functional.normalize(semantics.phrases[8] + semantics.phrases[4], dim=0)
    torch.testing.assert_close(query[2], both)


def test_equal_sentences_are_not_negatives():
    from depmap_cli.semantics_training.trainable_model import contrastive_loss

    image = torch.eye(3)[[0, 0, 1]]
    text = torch.eye(3)[[0, 0, 1]]
    scale = torch.tensor(5.0)
    shared = contrastive_loss(image, text, ["a", "a", "b"], scale)
    distinct = contrastive_loss(image, text, ["a", "a2", "b"], scale)
    assert float(shared) == pytest.approx(
        np.log(2) * 2 / 3, abs=1e-3
    )  # entropy of the shared target
    assert distinct > shared - 1e-6
    apart = contrastive_loss(torch.eye(3), torch.eye(3), ["a", "a", "b"], scale)
    assert apart > shared + 1  # frames of one sentence are pulled together


@pytest.mark.slow
def test_semantic_training_resumes_to_the_same_bits_and_its_file_loads(faces, tmp_path):
    from depmap_cli.config import SemanticsTrainConfig
    from depmap_cli.io.checkpoint import load_tensors
    from depmap_cli.semantics.clip_model import BUNDLED_MODEL
    from depmap_cli.semantics.load_model import load_semantic_model
    from depmap_cli.semantics.neutral_face import typical_neutral
    from depmap_cli.semantics_training import AuFrames, SemanticsRun, train_semantics

    rng = np.random.default_rng(0)
    intensity = (rng.random((8, 18)) * (rng.random((8, 18)) < 0.3)).astype(np.float32)
    data = AuFrames(
        faces=[faces],
        intensity=intensity,
        angles=UNKNOWN_ANGLES,
        landmarks=UNKNOWN_LANDMARKS,
        index=np.stack([np.zeros(8, int), np.arange(8)], 1),
    )
    config = SemanticsTrainConfig(epochs=2, batch_size=4)
    people = {"training_people": ["a hash"]}

    def train(name: str, resume: bool, stop_after: int | None = None) -> None:
        def progress(event):
            if event["epoch"] == stop_after and "step" in event:
                raise KeyboardInterrupt

        run = SemanticsRun(
            output=tmp_path / name,
            config=config,
            statement="here",
            simulated=False,
            people=people,
            resume=resume,
        )
        train_semantics(data, data, run, progress)

    train("whole.safetensors", False)
    with pytest.raises(KeyboardInterrupt):
        train("part.safetensors", False, stop_after=1)
    train("part.safetensors", True)
    whole, part = (
        load_tensors(tmp_path / f"{name}.training.safetensors") for name in ("whole", "part")
    )
    assert whole.keys() == part.keys()
    assert all(torch.equal(whole[k], part[k]) for k in whole)
    semantics = load_semantic_model(BUNDLED_MODEL, str(tmp_path / "whole.safetensors"))
    assert semantics(torch.from_numpy(faces)).image.shape == (8, 128)
    assert semantics.document["training_people"] == ["a hash"]
    usual = typical_neutral([semantics(torch.from_numpy(faces)).au_probabilities.numpy()])
    np.testing.assert_allclose(semantics.typical_neutral, usual, atol=0.05)  # of bfloat16, if any
    assert set(semantics.reliable_units) == {
        f"AU{n}" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15)
    } | {f"AU{n}" for n in (17, 20, 23, 24, 25, 26, 43)}


def test_semantic_training_can_start_from_a_trained_model(faces, tmp_path):
    from depmap_cli.errors import WeightsInvalid
    from depmap_cli.io.checkpoint import load_checkpoint, save_checkpoint
    from depmap_cli.model.backbone import normalise_pixels
    from depmap_cli.semantics.clip_model import BUNDLED_MODEL
    from depmap_cli.semantics.load_model import load_semantic_model
    from depmap_cli.semantics_training.trainable_model import TrainableSemanticModel
    from depmap_cli.weights.locations import default_semantic_weights

    model = TrainableSemanticModel()
    model.initialise_from([load_checkpoint(default_semantic_weights(), "semantics")])
    model.eval()
    pixels = torch.from_numpy(faces)
    with torch.inference_mode():
        normalised = normalise_pixels(pixels)
        logits = model.phrase_logits(model.encode_faces(normalised)[1])
        unit_logits, _ = model.combine_with_landmarks(logits[:, :18], normalised)
        units = torch.sigmoid(unit_logits)
        covered = torch.sigmoid(logits[:, 18])
    seen = load_semantic_model(BUNDLED_MODEL, str(default_semantic_weights()))(pixels)
    assert (units - seen.au_probabilities).abs().max() < 0.02  # bfloat16 where there is any
    assert (covered - seen.covered).abs().max() < 0.02
    path = tmp_path / "other.safetensors"
    save_checkpoint(path, "semantics", {}, {"a": torch.ones(1)})
    with pytest.raises(WeightsInvalid, match="does not fit"):
        model.initialise_from([load_checkpoint(path, "semantics")])


def test_batches_hold_every_face_once_and_do_not_depend_on_the_number_of_processes(faces):
    from depmap_cli.semantics_training import AuFrames
    from depmap_cli.semantics_training.batches import epoch_batches, workers_for

    few = faces[:7]
    numbered = np.zeros((7, 18), np.float32)
    numbered[:, 0] = np.arange(7) / 10
    frames = AuFrames(
        faces=[few],
        intensity=numbered,
        angles=UNKNOWN_ANGLES[:7],
        landmarks=UNKNOWN_LANDMARKS[:7],
        index=np.stack([np.zeros(7, int), np.arange(7)], 1),
    )
    own = list(epoch_batches(frames, 3, 1, 0, workers=0))
    assert [len(batch.pixels) for batch in own] == [3, 3, 1]
    seen = torch.cat([batch.intensity[:, 0] for batch in own])
    assert sorted(seen.tolist()) == pytest.approx(numbered[:, 0].tolist())
    for one, other in zip(own, epoch_batches(frames, 3, 1, 0, workers=2), strict=True):
        assert torch.equal(one.intensity, other.intensity)
        assert torch.equal(one.hidden_share, other.hidden_share)
        assert torch.allclose(one.pixels, other.pixels, atol=1e-5)  # of other numbers of threads
    later = torch.cat([b.pixels.flatten() for b in epoch_batches(frames, 3, 1, 1, workers=0)])
    assert not torch.equal(later, torch.cat([b.pixels.flatten() for b in own]))
    assert workers_for(torch.device("cpu")) == 0


def test_faces_are_shrunk_to_the_given_side_and_never_enlarged():
    from depmap_cli.semantics_training.trainable_model import shrink_faces

    ramp = torch.linspace(0, 1, 128).expand(1, 3, 128, 128)
    small = shrink_faces(ramp, 64)
    assert small.shape == (1, 3, 64, 64)
    pairs = ramp.unflatten(-1, (64, 2)).mean(-1)[..., ::2, :]
    assert torch.allclose(small[..., 2:-2, 2:-2], pairs[..., 2:-2, 2:-2], atol=1e-3)
    assert shrink_faces(ramp, None) is ramp
    assert shrink_faces(ramp, 128) is ramp
    assert shrink_faces(ramp, 200) is ramp


@pytest.mark.slow
def test_training_on_shrunk_faces_and_its_document(faces, tmp_path):
    from depmap_cli.config import SemanticsTrainConfig
    from depmap_cli.io.checkpoint import load_checkpoint
    from depmap_cli.semantics_training import AuFrames, SemanticsRun, train_semantics

    intensity = np.random.default_rng(0).random((8, 18)).astype(np.float32)
    data = AuFrames(
        faces=[faces],
        intensity=intensity,
        angles=UNKNOWN_ANGLES,
        landmarks=UNKNOWN_LANDMARKS,
        index=np.stack([np.zeros(8, int), np.arange(8)], 1),
    )
    losses = {}

    def train(side: int | None) -> dict:
        path = tmp_path / f"{side}.safetensors"
        config = SemanticsTrainConfig(epochs=1, batch_size=8, side=side)
        told = losses.setdefault(side, [])
        train_semantics(
            data,
            data,
            SemanticsRun(output=path, config=config, statement="here", simulated=False),
            told.append,
        )
        return load_checkpoint(path, "semantics").document

    whole, part = train(None), train(64)
    assert losses[None][0]["loss"] != losses[64][0]["loss"]
    assert (whole["train"]["side"], part["train"]["side"]) == (None, 64)
    recall = part["development"]["retrieval"]
    assert recall["image_to_text"]["candidates"] == 8  # eight frames, eight sentences
    assert 0 <= recall["text_to_image"]["recall_at_1"] <= recall["text_to_image"]["recall_at_5"]


def test_zero_epochs_evaluate_the_initial_weights_and_keep_them(faces, tmp_path):
    from depmap_cli.config import SemanticsTrainConfig
    from depmap_cli.io.checkpoint import load_checkpoint
    from depmap_cli.semantics_training import AuFrames, SemanticsRun, evaluate_semantics
    from depmap_cli.weights.locations import default_semantic_weights

    intensity = np.random.default_rng(0).random((8, 18)).astype(np.float32)
    data = AuFrames(
        faces=[faces],
        intensity=intensity,
        angles=UNKNOWN_ANGLES,
        landmarks=UNKNOWN_LANDMARKS,
        index=np.stack([np.zeros(8, int), np.arange(8)], 1),
    )
    run = SemanticsRun(
        output=tmp_path / "again.safetensors",
        config=SemanticsTrainConfig(epochs=0),
        statement="here",
        simulated=True,
        init=(default_semantic_weights(),),
    )
    judged = evaluate_semantics(data, run)
    before, after = (load_checkpoint(p, "semantics") for p in (*run.init, run.output))
    assert before.tensors.keys() == after.tensors.keys()
    assert after.document["directions"] == before.document["directions"]
    assert all(torch.equal(before.tensors[k], after.tensors[k]) for k in before.tensors)
    assert after.document["calibration"] == before.document["calibration"]
    assert after.document["development"]["mean_r"] == judged
    assert judged != before.document["development"]["mean_r"]
    assert not run.state.exists()


def test_several_initial_models_are_averaged(tmp_path):
    from depmap_cli.errors import WeightsInvalid
    from depmap_cli.io.checkpoint import load_checkpoint, save_checkpoint
    from depmap_cli.semantics_training.trainable_model import TrainableSemanticModel
    from depmap_cli.weights.locations import default_semantic_weights

    shipped = load_checkpoint(default_semantic_weights(), "semantics")
    calibration = shipped.document["calibration"]
    raised = {
        "scale": [s + 2 for s in calibration["scale"]],
        "bias": calibration["bias"],
        "covered": [v - 1 for v in calibration["covered"]],
    }
    tensors = {k: v + 1 if v.is_floating_point() else v + 7 for k, v in shipped.tensors.items()}
    save_checkpoint(tmp_path / "b", "semantics", {"calibration": raised}, tensors)
    model = TrainableSemanticModel()
    model.initialise_from([shipped, load_checkpoint(tmp_path / "b", "semantics")])
    for name, value in model.clip.state_dict().items():
        of_both = shipped.tensors[name] + (0.5 if value.is_floating_point() else 0)
        assert torch.allclose(value, of_both), name
    own = model.calibration.to_document()
    assert own["scale"] == pytest.approx([s + 1 for s in calibration["scale"]])
    assert own["bias"] == pytest.approx(calibration["bias"])
    assert own["covered"] == pytest.approx([v - 0.5 for v in calibration["covered"]])

    del tensors["positional_embedding"]
    save_checkpoint(tmp_path / "c", "semantics", {"calibration": raised}, tensors)
    with pytest.raises(WeightsInvalid, match="c: does not fit"):
        model.initialise_from([shipped, load_checkpoint(tmp_path / "c", "semantics")])


def test_joined_frames_keep_their_faces_and_units():
    from depmap_cli.semantics_training import AuFrames

    rng = np.random.default_rng(3)

    def corpus(*lengths: int) -> AuFrames:
        faces = [rng.integers(0, 255, (n, 4, 4, 3), np.uint8) for n in lengths]
        index = np.array([(i, f) for i, n in enumerate(lengths) for f in range(n)])
        angles = rng.random((len(index), 5)).astype(np.float32)
        return AuFrames(
            faces=faces,
            intensity=rng.random((len(index), 18)).astype(np.float32),
            angles=angles,
            landmarks=rng.random((len(index), 68, 2)).astype(np.float32),
            index=index,
        )

    one, other = corpus(2, 3), corpus(4)
    both = AuFrames.joined([one, other])
    assert len(both) == 9
    for row in range(9):
        part, own = (one, row) if row < 5 else (other, row - 5)
        assert torch.equal(both.images(np.array([row])), part.images(np.array([own])))
        assert np.array_equal(both.intensity[row], part.intensity[own])
        assert np.array_equal(both.landmarks[row], part.landmarks[own])


def test_the_shipped_model_detects_rendered_action_units(interview):
    """The action units of the example video are known, because it was rendered with them."""
    from depmap_cli.config import FaceConfig, SamplingConfig
    from depmap_cli.domain.action_units import ACTION_UNITS
    from depmap_cli.faces import FaceDetector, extract_faces
    from depmap_cli.semantics.clip_model import BUNDLED_MODEL
    from depmap_cli.semantics.load_model import load_semantic_model
    from depmap_cli.video.reader import sample_frames
    from depmap_cli.weights.locations import default_semantic_weights

    frames = sample_frames(interview, SamplingConfig(fps=2, end=17))
    samples = [s for p in extract_faces(frames, FaceDetector(FaceConfig())) for s in p]
    semantics = load_semantic_model(BUNDLED_MODEL, str(default_semantic_weights()))
    au_probabilities = semantics(
        torch.from_numpy(np.stack([s.face for s in samples]))
    ).au_probabilities
    seen = {round(s.time, 1): row for s, row in zip(samples, au_probabilities, strict=True)}
    codes = [unit.code for unit in ACTION_UNITS]
    for code, shown, absent in (
        ("AU1", 5.5, 0.5),
        ("AU4", 11.0, 0.5),
        ("AU6", 15.0, 0.5),
        ("AU12", 8.0, 0.5),
        ("AU25", 4.5, 12.5),
        ("AU43", 2.0, 0.5),
    ):
        assert semantics.reliable_units[code]
        unit = codes.index(code)
        assert seen[shown][unit] > seen[absent][unit] + 0.1, code


def _model_with_angles():
    """The shipped model with a layer that reads head and gaze, at random if it has none."""
    from depmap_cli.semantics_training.trainable_model import TrainableSemanticModel

    torch.manual_seed(0)
    model = TrainableSemanticModel().eval()
    model.initialise_from([load_checkpoint(default_semantic_weights(), "semantics")])
    return model


def test_head_and_gaze_are_stored_and_read_alike(tmp_path, faces):
    model = _model_with_angles()
    path = tmp_path / "weights.safetensors"
    document = {"model": BUNDLED_MODEL, "calibration": model.calibration.to_document()}
    document["development"] = {"angles": {name: {"r": 0.9, "mae": 2.0} for name in ANGLES}}
    save_checkpoint(path, "semantics", document, model.stored_tensors)
    loaded = load_semantic_model(BUNDLED_MODEL, str(path))
    pixels = torch.from_numpy(faces)
    seen = loaded(pixels)
    with torch.inference_mode():
        normalised = normalise_pixels(pixels)
        no_phrases = torch.zeros(len(faces), len(ACTION_UNITS))
        expected = model.combine_with_landmarks(no_phrases, normalised)[1]
    torch.testing.assert_close(seen.angles, expected, atol=1e-2, rtol=1e-3)
    maps = loaded.clip.visual.trunk.forward_features(normalised)
    torch.testing.assert_close(loaded.from_feature_map(maps, normalised).angles, seen.angles)


def test_angles_that_are_read_badly_or_were_not_measured_are_not_reported(tmp_path, faces):
    model = _model_with_angles()
    path = tmp_path / "weights.safetensors"
    document = {"model": BUNDLED_MODEL, "calibration": model.calibration.to_document()}
    document["development"] = {"angles": {"pitch": {"r": 0.9}, "gaze_x": {"r": 0.1}}}
    save_checkpoint(path, "semantics", document, model.stored_tensors)
    seen = load_semantic_model(BUNDLED_MODEL, str(path))(torch.from_numpy(faces))
    assert seen.angles.isfinite().all(0).tolist() == [True, False, False, False, False]
    assert seen.angles[:, 1:].isnan().all()


def test_models_without_the_layer_read_no_angles(tiny, faces):
    seen = load_semantic_model(tiny[0], str(tiny[1]))(torch.from_numpy(faces))
    assert seen.angles.shape == (8, 5)
    assert seen.angles.isnan().all()


def test_alignment_is_added_to_the_roll(faces):
    seen = _features_of(np.array([[5.0, 0, 2.0, 7.0, -3.0]])).in_camera(np.array([90.0]))
    np.testing.assert_allclose(seen.angles[0, :2], [0, 5], atol=0.3)  # now to the left
    np.testing.assert_allclose(seen.angles[0, 3:], [7, -3], atol=1e-5)


def _features_of(angles):
    n = len(angles)
    return SemanticFeatures(
        image=torch.zeros(n, 4),
        au_probabilities=torch.zeros(n, 18),
        covered=torch.zeros(n),
        angles=torch.from_numpy(angles).float(),
    )


@pytest.mark.parametrize("known", [True, False])
def test_the_query_names_head_and_gaze_if_the_model_knows_their_phrases(tmp_path, known):
    model = _model_with_angles()
    path = tmp_path / "weights.safetensors"
    document = {"model": BUNDLED_MODEL, "calibration": model.calibration.to_document()}
    document |= {"directions": ["a phrase"] if known else []}
    save_checkpoint(path, "semantics", document, model.stored_tensors)
    semantics = load_semantic_model(BUNDLED_MODEL, str(path))
    neutral = torch.zeros(2, 18)
    angles = torch.tensor([[0.0, 0, 0, 0, 0], [30.0, 0, 0, 0, 0]])
    ahead, bowed = semantics.query(neutral, angles)
    torch.testing.assert_close(ahead, semantics.neutral[0])
    both = torch.nn.functional.normalize(semantics.neutral[0] + semantics.directions[0], dim=0)
    torch.testing.assert_close(bowed, both if known else ahead)


def test_sentences_name_head_and_gaze():
    units = torch.zeros(3, 18)
    units[2, 8] = 1
    angles = torch.zeros(3, 5)
    angles[1:, 0] = 30
    angles[2, 4] = 30
    assert sentences_of(units, angles) == [
        NEUTRAL_PHRASE,
        "a photo of a face with the head bowed",
        "a photo of a face showing lip corner puller, with the head bowed and the eyes looking "
        "down",
    ]


def test_angles_follow_the_augmented_picture(faces):
    """The mirrored, turned picture has mirrored, turned angles; gradients reach the layer."""
    angles = np.tile(np.array([[10.0, 20, 0, 5, 5]], np.float32), (8, 1))
    frames = AuFrames(
        faces=[faces],
        intensity=np.zeros((8, 18), np.float32),
        angles=angles,
        landmarks=UNKNOWN_LANDMARKS,
        index=np.array([(0, i) for i in range(8)]),
    )
    batch = make_batch(frames, np.arange(8), torch.Generator().manual_seed(0))
    is_mirrored = batch.angles[:, 3] < 0
    assert 0 < is_mirrored.sum() < 8
    assert (torch.sign(batch.angles[:, 1]) == torch.where(is_mirrored, -1.0, 1.0)).all()
    model = _model_with_angles()
    model.loss(batch).backward()
    assert model.head_and_gaze.head.face[0].weight.grad.abs().max() > 0
    assert model.head_and_gaze.eyes.eye[0].weight.grad.abs().max() > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("only", "prefix"), [("head-and-gaze", "head_and_gaze."), ("landmarks", "landmarks.")]
)
def test_training_of_small_networks_alone_keeps_the_rest(faces, tmp_path, only, prefix):
    angles = np.tile(np.linspace(-20, 20, 8, dtype=np.float32)[:, None], (1, 5))
    frames = AuFrames(
        faces=[faces],
        intensity=np.full((8, 18), 0.3, np.float32),
        angles=angles,
        landmarks=np.random.default_rng(0).random((8, 68, 2)).astype(np.float32),
        index=np.array([(0, i) for i in range(8)]),
    )
    run = SemanticsRun(
        output=tmp_path / "angles.safetensors",
        config=SemanticsTrainConfig(epochs=2, batch_size=4, only=only),
        statement="here",
        simulated=True,
        init=(default_semantic_weights(),),
    )
    train_semantics(frames, frames, run, lambda event: None)
    before, after = (load_checkpoint(path, "semantics") for path in (*run.init, run.output))
    for name, tensor in before.tensors.items():
        if not name.startswith(prefix):
            assert torch.equal(after.tensors[name], tensor), name
    assert after.document["calibration"]["scale"] == before.document["calibration"]["scale"]
    trained = [name for name in after.tensors if name.startswith(prefix)]
    assert trained
    none = torch.empty(0)
    assert not all(torch.equal(after.tensors[n], before.tensors.get(n, none)) for n in trained)


def test_units_are_weighted_means_of_what_phrases_and_landmarks_tell(tmp_path, faces):
    from depmap_cli.domain.head_and_gaze import HEAD

    model = _model_with_angles()
    document = {"model": BUNDLED_MODEL, "calibration": model.calibration.to_document()}
    document["development"] = {"angles": {name: {"r": 0.9, "mae": 2.0} for name in ANGLES}}
    logits = []
    for name, finds_landmarks in (("phrases", False), ("both", True)):
        model.finds_landmarks = finds_landmarks
        path = tmp_path / f"{name}.safetensors"
        save_checkpoint(path, "semantics", document, model.stored_tensors)
        semantics = load_semantic_model(BUNDLED_MODEL, str(path))
        logits.append(torch.logit(semantics(torch.from_numpy(faces)).au_probabilities))
    with torch.inference_mode():
        pixels = normalise_pixels(torch.from_numpy(faces))
        head = model.head_and_gaze.degrees(pixels)[:, HEAD]
        reader = model.landmark_reader
        landmarks = reader.network(pixels)
        landmarks = reader.units(landmarks, reader.pitch(landmarks, head))
    shares = {code: unit.share for code, unit in LANDMARK_UNITS.items()}
    share = torch.tensor([shares.get(unit.code, 0.0) for unit in ACTION_UNITS])
    assert 0 == share.min() < share.max() < 1
    expected = (1 - share) * logits[0] + share * landmarks
    torch.testing.assert_close(logits[1], expected, atol=5e-3, rtol=2e-3)


def test_the_query_weights_what_phrases_tell_without_landmarks(tmp_path, faces):
    model = _model_with_angles()
    document = {"model": BUNDLED_MODEL, "calibration": model.calibration.to_document()}
    read = []
    for finds_landmarks in (False, True):
        model.finds_landmarks = finds_landmarks
        path = tmp_path / f"{finds_landmarks}.safetensors"
        save_checkpoint(path, "semantics", document, model.stored_tensors)
        semantics = load_semantic_model(BUNDLED_MODEL, str(path))
        features = semantics(torch.from_numpy(faces))
        read.append((features.au_probabilities, semantics.phrase_probabilities(features.image)))
    (alone, phrases), (combined, same) = read
    torch.testing.assert_close(alone, phrases)
    torch.testing.assert_close(same, phrases)
    assert not torch.allclose(combined, alone, atol=0.05)
