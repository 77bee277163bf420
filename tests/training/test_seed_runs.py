"""What `depmap train --seeds` wrote is evaluated seed by seed; what is wrong is told beforehand."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from depmap_cli.domain.paper_tables import BASELINE
from depmap_cli.errors import DepmapError, UsageProblem
from depmap_cli.io.checkpoint import read_document
from depmap_cli.model.signals import SIGNAL_SHARE
from depmap_cli.scoring.inference import VideoInference
from depmap_cli.training.model_card import model_card
from depmap_cli.training.runs import find_runs
from depmap_cli.weights.locations import DEFAULT_WEIGHTS, weights_folder
from depmap_cli.workflows.resnet_baseline import baseline_command, find_resnet_baseline
from tests.support.runs import depmap
from tests.support.videos import write_video
from tests.workflows.test_cross_validation import touch, write_weights

pytestmark = pytest.mark.slow

SCORES = {"Training": (4, 20), "Testing": (3, 17, 31)}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, face_frames):
    """Training is only read for its scores."""
    folder = tmp_path_factory.mktemp("few")
    lines = ["path,subject,session,task,split,score"]
    for split, scores in SCORES.items():
        for score in scores:
            name = f"{len(lines)}.mp4"
            write_video(folder / name, face_frames[9 * len(lines) :][:8])
            lines.append(f"{name},p{score},1,,{split},{score}")
    (folder / "all.csv").write_text("\n".join(lines) + "\n")
    return folder / "all.csv"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds, of which the second says two points more."""
    folder = tmp_path_factory.mktemp("seeds") / "runs"
    for seed, shift in ((7, 0.0), (12, 2.0)):
        write_weights(folder / f"seed-{seed}" / "weights.safetensors", shift, training_mean=50.0)
    return folder


@pytest.fixture
def evaluate(corpus, faces_in_process, tmp_path_factory, monkeypatch, capfd):
    cache = tmp_path_factory.getbasetemp() / "faces of few"

    def call(*arguments):
        where = ("--data", corpus, "--cache", cache, "--device", "cpu", "--jobs", "1")
        capfd.readouterr()
        code = depmap(monkeypatch, "evaluate", *where, *arguments)
        return code, *capfd.readouterr()

    return call


def test_each_seed_by_itself(evaluate, runs):
    code, out, err = evaluate("--weights", runs, "--compare-with", runs / "seed-7", "--json")
    assert code == 0
    first, second = map(json.loads, out.splitlines())
    assert [report["settings"]["seed"] for report in (first, second)] == [7, 12]
    shift = 2 * (1 - SIGNAL_SHARE)  # the network's part of an estimate
    for a, b in zip(first["table"], second["table"], strict=True):
        assert b["estimate"] == pytest.approx(a["estimate"] + shift, abs=1e-3)
        assert b["baselines"]["beside_1"] == pytest.approx(a["estimate"])
        assert a["baselines"]["mean"] == np.mean(SCORES["Training"])  # not the weights' 50
    assert "resnet-baseline" not in err  # there is something beside


def test_mean_and_deviation_and_the_way_to_a_plain_resnet_beside_are_told(evaluate, runs, corpus):
    code, out, err = evaluate("--weights", runs)
    assert code == 0
    spread = out[out.index("2 seeds, each evaluated separately") :]
    assert [word for word in spread.split() if word in ("7", "12", "mean", "sd")] == [
        *("7", "12", "mean", "sd") * 2
    ]
    like = "--from-scratch --simulated"  # as the runs began, and what they were told
    way = f"depmap train --data {corpus} --model resnet-baseline {like}"
    assert f"{way} --out {runs}/resnet-baseline" in " ".join(err.split())


@pytest.mark.parametrize("where", ["", "seed-7", "fold-0", "fold-0/seed-7"])
def test_the_way_to_a_plain_resnet_goes_by_the_settings_of_the_run(where, tmp_path):
    folder = touch(tmp_path / "run", where) / where
    told = baseline_command(Path("data"), tmp_path / "run", None)
    assert told is not None
    assert "--config" not in told
    (folder / "config.yaml").touch()
    told = baseline_command(Path("data"), tmp_path / "run", 5)
    assert told is not None
    assert f"--folds 5 --config {folder / 'config.yaml'} --out {tmp_path}/run/resnet" in told


def test_a_plain_resnet_below_the_run_stands_beside_it(evaluate, runs, tmp_path):
    run, plain = tmp_path / "run", tmp_path / "run" / "resnet-baseline"
    shutil.copytree(runs / "seed-12", run)
    shutil.copytree(runs / "seed-7", plain)
    code, out, err = evaluate("--weights", run / "weights.safetensors", "--json")
    assert code == 0
    assert "to compare with a plain ResNet" not in err
    assert "resnet-baseline" in [b["title"] for b in json.loads(out)["baselines"]]
    assert find_resnet_baseline(run) == ((plain,), "")
    code, _, err = evaluate("--weights", plain / "weights.safetensors")
    assert code == 0
    assert "to compare with a plain ResNet" not in err  # it is one


def test_a_plain_resnet_that_does_not_fit_is_left_out_and_told(evaluate, runs, tmp_path):
    run, plain = tmp_path / "run", tmp_path / "run" / "resnet-baseline"
    shutil.copytree(runs / "seed-12", run)
    plain.mkdir()  # begun, not finished
    for weights in (run, run / "weights.safetensors"):
        code, out, err = evaluate("--weights", weights, "--json")
        assert code == 0
        assert "resnet-baseline" not in [b["title"] for b in json.loads(out)["baselines"]]
        told = f"{plain} is not compared with: {plain}: no weights.safetensors"
        assert told in " ".join(err.split())
        assert "to compare with a plain ResNet" not in err
    touch(plain, "seed-1", "seed-2")
    assert "its seeds are not those" in find_resnet_baseline(run)[1]
    assert find_resnet_baseline(run / "weights.safetensors") == find_resnet_baseline(run)
    (run / "weights.safetensors").unlink()
    with pytest.raises(UsageProblem, match="run: no weights"):
        find_resnet_baseline(run)


def test_a_plain_resnet_of_other_folds_is_left_out_and_told(tmp_path):
    run = touch(tmp_path / "run", *(f"fold-{fold}" for fold in range(3)))
    plain = touch(run / "resnet-baseline", *(f"fold-{fold}" for fold in range(4)))
    found, why = find_resnet_baseline(run, 3)
    assert not found
    assert "more than 3 folds" in why
    shutil.rmtree(plain / "fold-3")
    assert find_resnet_baseline(run, 3) == ((plain,), "")


def test_a_report_tells_where_its_weights_come_from(evaluate, runs, tmp_path):
    again = {"split": "mine, Development", "people": [0, 0, 1], "residuals": [3.0, 4.0, 5.0]}
    path = tmp_path / "again.safetensors"
    stored = read_document(runs / "seed-7" / "weights.safetensors")["config"]
    config = {**stored, "train": {**stored["train"], "band_balance": 0.5}}
    write_weights(path, training_subjects=["p4", "zoe"], calibration=again, config=config)
    code, out, _ = evaluate("--weights", path, "--json")
    assert code == 0
    assert json.loads(out)["origin"] == {
        "network": "Dep-MAP",
        "started_from": "the semantic model's image encoder",
        "balance": 0.5,
        "recalibrated_on": "mine, Development",
        "calibration_people": 2,
        "training_people": 2,
        "known_people": 1,
        "selected_people": 0,
    }
    _, out, _ = evaluate("--weights", runs / "seed-7", "--json")
    origin = json.loads(out)["origin"]
    shipped = read_document(weights_folder() / DEFAULT_WEIGHTS)["calibration"]["split"]
    assert shipped.endswith(", Development")
    assert (origin["recalibrated_on"], origin["known_people"]) == (shipped, 0)


def test_the_card_of_a_plain_resnet_says_so():
    document = read_document(weights_folder() / DEFAULT_WEIGHTS)
    assert model_card(document).startswith("# Model card: Dep-MAP, resnet18\n")
    config = {**document["config"], "model": {**document["config"]["model"], **BASELINE}}
    plain = model_card({**document, "config": config})
    assert plain.startswith("# Model card: plain ResNet with mean pooling, resnet18\n")
    assert "Dep-MAP" not in plain


def test_weights_beside_that_know_the_people_tested_are_marked(evaluate, runs, tmp_path):
    knowing = tmp_path / "knowing" / "weights.safetensors"
    write_weights(knowing, training_subjects=["p3", "p17"])
    stranger = runs / "seed-7" / "weights.safetensors"
    code, out, _ = evaluate("--weights", stranger, "--compare-with", knowing, "--json")
    assert code == 0
    compare_with = json.loads(out)["baselines"][0]
    assert (compare_with["title"], compare_with["leaks"]) == ("knowing (leaks)", True)
    assert "The evaluated weights were not trained on 2 of these" in compare_with["description"]
    for weights, other in ((knowing, knowing), (knowing, stranger)):  # no advantage
        code, out, _ = evaluate("--weights", weights, "--compare-with", other, "--json")
        compare_with = json.loads(out)["baselines"][0]
        assert (code, compare_with["leaks"]) == (0, False)
        assert "leaks" not in compare_with["title"]


def test_what_cannot_end_well_does_not_begin(evaluate, runs, tmp_path, monkeypatch, capfd):
    """Of two faults the one that would show after hours is told first."""
    where = ("--data", tmp_path / "nowhere", "--weights", tmp_path / "none")
    (tmp_path / "file").touch()
    code, _, err = evaluate("--weights", tmp_path / "none", "-o", tmp_path / "file" / "below")
    assert code == 1
    assert f"cannot write to {tmp_path / 'file' / 'below'}: {tmp_path / 'file'} is a file" in err
    code = depmap(monkeypatch, "calibrate", *where, "--out", tmp_path / "file" / "w.safetensors")
    assert code == 1
    assert f"cannot write to {tmp_path / 'file'}: " in capfd.readouterr().err
    assert depmap(monkeypatch, "calibrate", *where, "--out", tmp_path) == 1
    assert "it is a folder" in capfd.readouterr().err
    where = ("--data", tmp_path / "nowhere", "--out", tmp_path)
    assert depmap(monkeypatch, "train-semantics", *where) == 1
    assert "it is a folder" in capfd.readouterr().err
    where = ("--data", tmp_path / "nowhere", "--out", tmp_path / "w.safetensors")
    assert depmap(monkeypatch, "train-semantics", *where, "--epochs", 0) == 2
    assert "weights of --init: name them" in " ".join(capfd.readouterr().err.split())
    wrong = ("--compare-with", tmp_path / "none.safetensors", "--data", tmp_path / "nowhere")
    code, _, err = evaluate("--weights", runs / "seed-7", *wrong)
    assert code == 1
    assert "none.safetensors: no such weights file" in err


@pytest.mark.parametrize("asked", [(), ("--set", "train.score_frames=8")])
def test_what_was_prepared_is_not_prepared_again_to_evaluate(
    corpus, faces_in_process, tmp_path, monkeypatch, asked
):
    """128 frames are prepared, whatever is asked for; more have to be prepared."""
    where = ("--data", corpus, "--cache", tmp_path, "--jobs", "1", "-q")
    assert depmap(monkeypatch, "prepare", *where, *asked) == 0

    def again(*_):
        raise DepmapError("prepared again")

    monkeypatch.setattr("depmap_cli.data.face_cache.FaceDetector", again)
    frames = ("--frames", "8") if asked else ()
    assert depmap(monkeypatch, "evaluate", *where, "--device", "cpu", *frames) == 0
    assert depmap(monkeypatch, "evaluate", *where, "--device", "cpu", "--frames", "200") == 1


def test_too_little_memory_is_told_in_one_line(evaluate, runs, monkeypatch):
    def greedy(*_):
        torch.empty(1 << 60, dtype=torch.uint8)  # the allocator's own words

    monkeypatch.setattr(VideoInference, "encode_faces", greedy)
    code, _, err = evaluate("--weights", runs / "seed-7", "-q")
    assert code == 1
    assert "error: too little memory for a video" in err
    assert "lower --frames" in err


def test_a_report_that_cannot_be_written_has_been_shown(evaluate, runs, tmp_path):
    (tmp_path / "figures").touch()
    code, out, err = evaluate("--weights", runs / "seed-7", "--json", "-o", tmp_path)
    assert code == 1
    assert "cannot write" in err
    assert json.loads(out)["n_clips"] == 3


def test_a_folder_is_of_one_run_or_of_seeds(tmp_path):
    runs = touch(tmp_path / "runs", "seed-10", "seed-9")
    assert list(find_runs(runs)) == [9, 10]
    assert find_runs(runs / "seed-9") == {None: runs / "seed-9" / "weights.safetensors"}
    (runs / "seed-9" / "weights.safetensors").unlink()
    with pytest.raises(UsageProblem, match=r"runs: no seed-9/weights\.safetensors"):
        find_runs(runs)
    shutil.copy(runs / "seed-10" / "weights.safetensors", runs)
    with pytest.raises(UsageProblem, match="several seeds and a single run"):
        find_runs(runs)


def test_runs_beside_are_of_the_same_seeds(evaluate, runs, tmp_path):
    other = touch(tmp_path / "other", "seed-1", "seed-2")
    code, _, err = evaluate("--weights", runs, "--compare-with", other)
    assert code == 2
    assert "other: its seeds are not those of --weights" in " ".join(err.split())
