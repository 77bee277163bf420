"""Training through the real entry points, on a tiny corpus."""

import csv
import json

import numpy as np
import pytest
import torch

from depmap_cli.io.checkpoint import read_document
from depmap_cli.runtime.devices import training_precision
from depmap_cli.training.batches import Draw, augmented_views, make_batch
from depmap_cli.training.trainer import Trainer
from depmap_cli.weights.locations import DEFAULT_WEIGHTS, weights_folder
from tests.support.runs import depmap, train
from tests.support.videos import write_video

pytestmark = pytest.mark.slow


def test_a_run_folder_holds_everything(trained):
    assert {p.name for p in trained.iterdir()} == {
        *("weights.safetensors", "best.safetensors", "last.safetensors", "state.safetensors"),
        *("config.yaml", "run.json", "log.csv", "tensorboard", "development.csv", "card.md"),
    }
    rows = list(csv.DictReader((trained / "log.csv").open()))
    assert [r["epoch"] for r in rows] == ["0", "1"]
    assert all(np.isfinite(float(r["rmse"])) for r in rows)
    assert [bool(r["contrastive_s1"]) for r in rows] == [False, True]  # contrastive_start is 1


def test_trained_weights_score_and_evaluate(trained, corpus, cache, interview, monkeypatch, capfd):
    weights = trained / "weights.safetensors"
    options = ("--weights", weights, "--device", "cpu", "--json")
    capfd.readouterr()
    # three calibration people cannot carry a 90 % interval: the honest answer is the whole scale
    assert depmap(monkeypatch, "score", interview, "--frames", "8", *options) == 0
    report = json.loads(capfd.readouterr().out)
    before = read_document(weights_folder() / DEFAULT_WEIGHTS)["training_data"]
    stated = f"seven snippets; before that, in {DEFAULT_WEIGHTS}: {before}"
    assert report["weights"]["training_data"] == stated
    assert (report["estimate"]["interval"]["low"], report["estimate"]["interval"]["high"]) == (
        0,
        63,
    )
    more = ("--split", "Development", "--cache", cache, "--jobs", "1", "-q")
    assert depmap(monkeypatch, "evaluate", "--data", corpus, *options, *more) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["n_clips"], found["n_people"], found["n_unseen"]) == (3, 3, 3)
    truth = np.array([r["score"] for r in found["table"]])
    guess = np.array([r["estimate"] for r in found["table"]])
    clips = found["agreement"]["clips"]
    figure = clips["estimates"]["rmse"]["value"]
    assert figure == pytest.approx(np.sqrt(np.mean((truth - guess) ** 2)), abs=1e-3)
    mean = np.mean([2, 15, 24, 40])
    (baseline,) = (b["agreement"] for b in clips["baselines"] if b["baseline"] == "mean")
    assert baseline["mae"]["value"] == pytest.approx(np.mean(np.abs(truth - mean)))
    stored = json.loads(json.dumps(report["weights"]["development"]))
    assert stored["rmse"] == pytest.approx(figure, abs=2e-3)


@pytest.mark.slow
def test_evaluate_says_what_score_says(trained, corpus, cache, monkeypatch, capfd):
    """By default both use all 10 frames of a clip, although epochs were judged by 8."""
    options = ("--weights", trained / "weights.safetensors", "--device", "cpu", "--json", "-q")
    where = ("--data", corpus, "--split", "Development", "--cache", cache, "--jobs", "1")
    capfd.readouterr()
    assert depmap(monkeypatch, "evaluate", *where, *options) == 0
    rows = json.loads(capfd.readouterr().out)["table"]
    videos = [corpus / "Development" / "Freeform" / row["video"] for row in rows]
    assert depmap(monkeypatch, "score", *videos, *options) == 0
    reports = map(json.loads, capfd.readouterr().out.splitlines())
    scores = [report["estimate"]["score"] for report in reports]
    assert scores == pytest.approx([row["estimate"] for row in rows], abs=6e-3)
    stored = csv.DictReader((trained / "development.csv").open())
    assert scores == pytest.approx([float(row["estimate"]) for row in stored], abs=6e-3)


def test_evaluate_prints_a_table_beside_the_baseline(trained, corpus, cache, monkeypatch, capfd):
    arguments = ("--weights", trained / "weights.safetensors", "--split", "Development")
    capfd.readouterr()
    assert (
        depmap(
            monkeypatch,
            *("evaluate", "--data", corpus, "--cache", cache, "--device", "cpu", "-q"),
            *("--jobs", "1", *arguments),
        )
        == 0
    )
    out = capfd.readouterr().out
    for words in ("RMSE", "MAE", "PCC", "CCC", "training mean", "not in the training data"):
        assert words in out


@pytest.mark.slow
def test_evaluate_writes_figures_of_faces_and_features(
    trained, corpus, cache, tmp_path, monkeypatch
):
    arguments = ("--weights", trained / "weights.safetensors", "--split", "Development")
    where = ("--data", corpus, "--cache", cache, "--device", "cpu", "-q", "--jobs", "1")
    assert depmap(monkeypatch, "evaluate", *where, *arguments, "--gallery") == 2  # without -o
    out = tmp_path / "out"
    monkeypatch.setattr("depmap_cli.workflows.appearance.NEAREST", 1)  # a third of the heat maps
    more = ("--gallery", "-o", out, "--compare-with", trained / "weights.safetensors")
    assert depmap(monkeypatch, "evaluate", *where, *arguments, *more) == 0
    assert {p.name for p in (out / "figures").iterdir()} >= {
        *("map_of_fused_features.svg", "action_units_over_time.svg"),
        *("key_frames_by_level.png", "prototype_gallery.png"),
    }
    page = (out / "evaluation.html").read_text()
    assert "too few different videos" in page  # three
    assert "Drawings of the face, as in" in page
    found = json.loads((out / "evaluation.json").read_text())
    other = found["agreement"]["clips"]["baselines"][0]  # the same weights: no difference at all
    assert found["baselines"][0]["title"] == "whole"  # the run's folder
    assert other["agreement"] == found["agreement"]["clips"]["estimates"]
    assert other["rmse_difference"]["value"] == 0


def test_an_interrupted_run_is_not_overwritten(corpus, cache, tmp_path, monkeypatch, capfd):
    from depmap_cli.training.trainer import Trainer

    def interrupted(self, told):
        raise KeyboardInterrupt

    out = tmp_path / "run"
    monkeypatch.setattr(Trainer, "_train_epoch", interrupted)
    assert train(monkeypatch, corpus, cache, out) == 130
    told = capfd.readouterr().err
    assert "run the command with --resume" in told
    assert told.endswith("interrupted\n")
    assert not (out / "weights.safetensors").exists()
    assert train(monkeypatch, corpus, cache, out) == 1
    assert "add --resume" in capfd.readouterr().err


def test_resuming_with_other_settings_is_refused(trained, corpus, cache, monkeypatch, capfd):
    more = ("--resume", "--set", "train.learning_rate=0.01")
    assert train(monkeypatch, corpus, cache, trained, *more) == 1
    assert "different settings" in capfd.readouterr().err


def test_an_unknown_setting_is_named(corpus, cache, tmp_path, monkeypatch, capfd):
    for setting, words in (
        ("train.epoch=3", "train.epoch"),
        ("model.kdm", "section.name=value"),
        ("model.scales=[5]", "scales"),
        ("model.sdpm=false", "kdm"),
    ):
        assert train(monkeypatch, corpus, cache, tmp_path / "x", "--set", setting) == 2
        assert words in capfd.readouterr().err


@pytest.mark.usefixtures("faces_in_process")
def test_the_cache_is_made_once_and_notices_a_changed_video(tmp_path, face_frames):
    from depmap_cli.config import FaceConfig, SamplingConfig
    from depmap_cli.data.face_cache import FaceCache
    from depmap_cli.data.labelled_video import LabelledVideo

    path = write_video(tmp_path / "1_1_a.mp4", face_frames[:10])
    videos = [
        LabelledVideo(split="Development", subject="1", session="1", task="", path=path, score=3)
    ]
    store = FaceCache(tmp_path / "c", SamplingConfig(frames=4), FaceConfig())
    calls = []

    def told(done, total):
        calls.append((done, total))

    first = store.prepare(videos, 1, told)[0]
    assert len(first) == 4
    assert calls == [(0, 1), (1, 1)]
    assert store.prepare(videos, 1, told)[0].folder == first.folder
    assert calls[2:] == [(1, 1)]
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == [first.folder.name]
    write_video(path, face_frames[40:50])
    assert store.prepare(videos, 1, told)[0].folder != first.folder


@pytest.mark.usefixtures("faces_in_process")
def test_a_video_without_a_face_is_named(tmp_path):
    from depmap_cli.config import FaceConfig, SamplingConfig
    from depmap_cli.data.face_cache import FaceCache
    from depmap_cli.data.labelled_video import LabelledVideo
    from depmap_cli.errors import DataInvalid

    path = write_video(
        tmp_path / "1_1_blank.mp4", [np.full((96, 96, 3), 80 + 20 * i, np.uint8) for i in range(6)]
    )
    store = FaceCache(tmp_path / "c", SamplingConfig(frames=4), FaceConfig())
    with pytest.raises(DataInvalid, match="1_1_blank.mp4: no face found"):
        store.prepare(
            [
                LabelledVideo(
                    split="Training", subject="1", session="1", task="", path=path, score=3
                )
            ],
            1,
            lambda *_: None,
        )
    assert list((tmp_path / "c").iterdir()) == []


def test_a_dry_run_tells_what_is_there_and_names_a_broken_video(
    corpus, tmp_path, monkeypatch, capfd
):
    out = tmp_path / "run"
    assert depmap(monkeypatch, "train", "--data", corpus, "--out", out, "--dry-run") == 1
    told = capfd.readouterr()
    assert "Training" in told.out
    assert "200_1" not in told.err
    assert "300_1_Freeform_video.mp4" in told.err
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weights", "best"])  # in half and in full precision
def test_calibrating_on_few_people_says_that_no_interval_exists(
    trained, corpus, cache, tmp_path, monkeypatch, capfd, name
):
    out, weights = tmp_path / "mine.safetensors", trained / f"{name}.safetensors"
    more = ("--weights", weights, "--cache", cache, "--device", "cpu")
    arguments = ("--data", corpus, "--out", out, "--jobs", "1", "--frames", "10", *more)
    assert depmap(monkeypatch, "calibrate", *arguments) == 0
    assert "a 90% interval needs at least 9" in capfd.readouterr().err
    from depmap_cli.io.checkpoint import load_tensors

    document = read_document(out)
    assert document["calibration"]["split"] == f"{corpus.name}, Development"
    assert document["sampling"]["frames"] == 10  # those of the residuals
    old, new = (load_tensors(p) for p in (weights, out))  # the residuals are theirs
    assert all(torch.equal(old[k], new[k]) for k in old)


@pytest.mark.slow
def test_training_starts_from_the_shipped_weights_unless_told_otherwise(
    trained, corpus, cache, tmp_path, monkeypatch
):
    from depmap_cli.io.checkpoint import read_document

    assert read_document(trained / "weights.safetensors")["started_from"] == DEFAULT_WEIGHTS
    out = tmp_path / "scratch"
    more = ("--from-scratch", "--model", "resnet-baseline", "--set", "train.epochs=1")
    assert train(monkeypatch, corpus, cache, out, *more) == 0
    document = read_document(out / "weights.safetensors")
    assert document["started_from"] == "semantics"
    assert document["config"]["model"]["msr"] is False


@pytest.mark.slow
def test_averaged_weights_get_statistics_of_their_own(corpus, cache, tmp_path, monkeypatch):
    """Those that the live weights left are of other weights, and would shift every estimate."""
    refresh, found = Trainer._refresh_statistics, []

    def fused(trainer):
        views = augmented_views(
            trainer.train, [Draw(i, i) for i in range(4)], trainer.config, trainer.progress.epoch
        )
        batch = make_batch(views, trainer.semantics, trainer.device)
        seen = (batch.image.flatten(0, 1), batch.text.flatten(0, 1))
        with torch.no_grad(), training_precision(trainer.device):
            maps = trainer._feature_maps(trainer.averaged, views)
            return trainer.averaged.encode_maps(maps, *seen)

    def offset(trainer):
        frames = fused(trainer)
        z = trainer.averaged.standardise(frames.fused)
        return float(z.mean(0).abs().max()), float(frames.logits.mean(0).abs().max())

    def with_watchdog(trainer):
        before = offset(trainer)
        refresh(trainer)
        found.append((before, offset(trainer)))

    monkeypatch.setattr(Trainer, "_refresh_statistics", with_watchdog)
    more = ("--set", "train.n_cached_views=1", "--set", "train.freeze_backbone=true")
    assert train(monkeypatch, corpus, cache, tmp_path / "run", *more) == 0
    assert len(found) == 2
    for before, after in found:
        assert max(after) < 1e-2 < max(before)
