"""A run by folds is evaluated as a whole: everybody by the fold that never saw them, seed by seed.

The weights are the shipped ones, made to know nobody and moved apart by a known number of points.
"""

import csv
import json
import shutil

import numpy as np
import pytest

from depmap_cli.data.corpus import read_corpus
from depmap_cli.data.folds import subject_folds
from depmap_cli.errors import UsageProblem
from depmap_cli.io.checkpoint import load_checkpoint, save_checkpoint
from depmap_cli.model.signals import SIGNAL_SHARE
from depmap_cli.training.runs import cross_validations, run_of_seed
from depmap_cli.weights.locations import DEFAULT_WEIGHTS, weights_folder
from tests.support.runs import depmap
from tests.support.videos import write_video

pytestmark = pytest.mark.slow

SCORES = (3, 10, 17, 22, 31, 45)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, face_frames):
    """A manifest of six people, each with one short clip."""
    folder = tmp_path_factory.mktemp("people")
    lines = ["path,subject,session,task,split,score"]
    for i, score in enumerate(SCORES):
        write_video(folder / f"{i}.mp4", face_frames[9 * i : 9 * i + 8])
        lines.append(f"{i}.mp4,p{i},1,Freeform,Training,{score}")
    (folder / "all.csv").write_text("\n".join(lines) + "\n")
    return folder / "all.csv"


def write_weights(path, shift=0.0, **changes):
    """The shipped weights, described otherwise, their estimates ``shift`` points higher than far
    from either end of the scale, where they would be clipped."""
    shipped = load_checkpoint(weights_folder() / DEFAULT_WEIGHTS, "depmap")
    document = {k: v for k, v in shipped.document.items() if k not in ("format", "kind")}
    _, points = shipped.tensors["target"]  # what the head's 1 stands for
    bias = shipped.tensors["head.bias"] + (25 + shift) / points
    tensors = {**shipped.tensors, "head.bias": bias}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, "depmap", {**document, "training_subjects": [], **changes}, tensors)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three folds, told apart by their estimates."""
    folder = tmp_path_factory.mktemp("plain") / "run"
    for fold in range(3):
        path = folder / f"fold-{fold}" / "weights.safetensors"
        write_weights(path, shift=fold)
    return folder


@pytest.fixture(scope="module")
def seeded(run, tmp_path_factory):
    """The same with two seeds, of which the second says two points more."""
    folder = tmp_path_factory.mktemp("seeds") / "run"
    for fold in range(3):
        for seed, shift in ((7, 0.0), (8, 2.0)):
            path = folder / f"fold-{fold}" / f"seed-{seed}" / "weights.safetensors"
            write_weights(path, shift=fold + shift)
    return folder


@pytest.fixture
def evaluate(corpus, faces_in_process, tmp_path_factory, monkeypatch, capfd):
    """Runs the command on three folds: (exit code, stdout, stderr)."""
    cache = tmp_path_factory.getbasetemp() / "faces of six"

    def call(*arguments):
        where = ("--data", corpus, "--cache", cache, "--device", "cpu", "-q", "--jobs", "1")
        capfd.readouterr()
        code = depmap(monkeypatch, "evaluate", *where, *arguments)
        return code, *capfd.readouterr()

    return call


@pytest.fixture
def one_face_a_level(monkeypatch):
    """Heat maps take longest."""
    monkeypatch.setattr("depmap_cli.workflows.appearance.FACES", 1)


BY_FOLDS = ("--folds", "3")


@pytest.mark.usefixtures("one_face_a_level")
def test_folds_are_pooled_each_by_its_own_weights(evaluate, run, corpus, tmp_path):
    more = ("--json", "-o", tmp_path, "--compare-with", run, "--pictures", "blur")
    code, out, _ = evaluate("--weights", run, *BY_FOLDS, *more)
    found = json.loads(out)
    assert code == 0
    assert (found["n_clips"], found["n_people"], found["n_unseen"]) == (6, 6, 6)
    assert (found["split"], found["weights"]["file"]) == ("out-of-fold", "run, 3 folds")
    assert [b["rmse_difference"]["value"] for b in found["agreement"]["clips"]["baselines"]][0] == 0
    assert (found["sampled_frames"], found["usable_frames"]) == (48, 48)
    folds = subject_folds(read_corpus(corpus).videos, 3, 0)
    for i, fold in enumerate(folds):
        mean = np.mean([r.score for r in folds[(i + 2) % 3]])  # neither tested nor chosen on
        for row in found["table"]:
            if row["subject"] in {r.subject for r in fold}:
                assert row["baselines"]["mean"] == pytest.approx(mean)
    assert "Cross-validation" in (tmp_path / "tripod.md").read_text()
    # figures of faces cross folds, a map of features does not
    figures = {p.name for p in (tmp_path / "figures").iterdir()}
    assert figures >= {"action_units_over_time.svg", "key_frames_by_level.png"}
    assert "map_of_fused_features.svg" not in figures
    page = (tmp_path / "evaluation.html").read_text()
    assert "There is no map of fused features" in page
    assert "Blurred faces." in page
    assert "Drawings of the face, as in" not in page


@pytest.mark.usefixtures("one_face_a_level")
def test_key_frames_are_of_the_fold_that_tests_the_person(run, corpus, tmp_path_factory):
    """One a level, each with its fold's own estimate."""
    from depmap_cli.workflows.evaluate import EvaluateOptions
    from depmap_cli.workflows.folds import evaluate_all
    from depmap_cli.workflows.labelled_data import LabelledData

    cache = tmp_path_factory.getbasetemp() / "faces of six"
    source = LabelledData(data=corpus, cache=cache, jobs=1, fold=(0, 3))
    options = EvaluateOptions(source=source, weights=run, device="cpu", folds=3, appearance=True)
    (found,) = evaluate_all(options, lambda *_: None)
    assert found.appearance.features is None
    assert sum(line.people for line in found.appearance.trends[0].lines) == 6
    estimates = {row.score: row.estimate for row in found.report.table}
    faces = found.appearance.faces
    assert [face.level for face in faces] == [0, 1, 2, 3]
    assert all(face.estimate == estimates[face.score] for face in faces)
    alone = EvaluateOptions(
        source=source, weights=run / "fold-0" / "weights.safetensors", device="cpu"
    )
    (tested,) = evaluate_all(alone, lambda *_: None)
    for row in tested.report.table:
        assert row.estimate == estimates[row.score]


@pytest.mark.usefixtures("one_face_a_level")
def test_each_seed_is_a_cross_validation_of_its_own(evaluate, seeded, run, tmp_path):
    more = ("--json", "-o", tmp_path, "--compare-with", run)
    code, out, _ = evaluate("--weights", seeded, *BY_FOLDS, *more)
    assert code == 0
    first, second = map(json.loads, out.splitlines())
    assert [r["settings"]["seed"] for r in (first, second)] == [7, 8]
    assert [r["weights"]["file"] for r in (first, second)] == [
        f"run, 3 folds, seed {seed}" for seed in (7, 8)
    ]
    for one, other in zip(first["table"], second["table"], strict=True):
        assert other["estimate"] == pytest.approx(
            one["estimate"] + 2 * (1 - SIGNAL_SHARE), abs=1e-3
        )
    of_run = first["agreement"]["clips"]["baselines"][0]  # of one seed, so beside both
    assert of_run["rmse_difference"]["value"] == pytest.approx(0, abs=1e-6)
    assert {p.name for p in tmp_path.iterdir()} == {"seed-7", "seed-8", "seeds.csv"}
    assert (tmp_path / "seed-8" / "figures" / "key_frames_by_level.png").is_file()
    rows = list(csv.DictReader((tmp_path / "seeds.csv").open()))
    assert [r["seed"] for r in rows] == ["7", "8", "mean", "sd"] * 2
    maes = [r["agreement"]["clips"]["estimates"]["mae"]["value"] for r in (first, second)]
    assert float(rows[2]["mae"]) == pytest.approx(np.mean(maes), abs=1e-4)
    assert float(rows[3]["mae"]) == pytest.approx(np.std(maes, ddof=1), abs=1e-4)


def test_weights_are_not_tested_on_people_whom_they_know(evaluate, run, tmp_path):
    known = tmp_path / "known"
    shutil.copytree(run, known)
    everybody = [f"p{i}" for i in range(6)]
    write_weights(known / "fold-0" / "weights.safetensors", training_subjects=everybody)
    code, _, err = evaluate("--weights", known, *BY_FOLDS)
    assert code == 1
    assert "fold 0 were trained on 2 of the people whom that fold tests" in " ".join(err.split())


def test_what_is_no_run_by_folds(evaluate, run):
    code, _, err = evaluate("--weights", run, "--folds", "4")
    assert code == 2
    assert "no fold-3/weights.safetensors" in err
    code, _, err = evaluate("--weights", run)
    assert code == 2
    assert "no weights.safetensors" in err
    assert "add --folds if it is a run by folds" in " ".join(err.split())
    code, _, err = evaluate("--weights", run, "--fold", "1")
    assert code == 2
    assert "--fold needs --folds" in " ".join(err.split())


def touch(root, *places):
    for place in places:
        (root / place).mkdir(parents=True)
        (root / place / "weights.safetensors").touch()
    return root


def test_seeds_are_found_in_order_and_each_needs_every_fold(tmp_path):
    places = [f"fold-{fold}/seed-{seed}" for fold in range(3) for seed in (9, 10)]
    found = cross_validations(touch(tmp_path, *places), 3)
    assert list(found) == [9, 10]
    assert found[10].weights(2) == tmp_path / "fold-2" / "seed-10" / "weights.safetensors"
    (tmp_path / "fold-1" / "seed-11").mkdir()  # begun, not finished
    with pytest.raises(UsageProblem, match=r"no fold-0/seed-11/weights\.safetensors"):
        cross_validations(tmp_path, 3)


def test_too_many_folds_and_runs_of_two_kinds_are_refused(tmp_path):
    run = touch(tmp_path, *(f"fold-{fold}" for fold in range(4)))
    with pytest.raises(UsageProblem, match="more than 3 folds"):
        cross_validations(run, 3)
    touch(tmp_path, *(f"fold-{fold}/seed-1" for fold in range(4)))
    with pytest.raises(UsageProblem, match="runs of several seeds and a single run"):
        cross_validations(run, 4)


def test_runs_are_compared_with_those_of_the_same_seed(tmp_path):
    several = cross_validations(
        touch(tmp_path / "a", *(f"fold-{f}/seed-{s}" for f in range(3) for s in (1, 2))), 3
    )
    single = cross_validations(touch(tmp_path / "b", *(f"fold-{f}" for f in range(3))), 3)
    assert run_of_seed(tmp_path, several, 2) is several[2]
    assert run_of_seed(tmp_path, single, 2) is single[None]
    for seed in (3, None):
        with pytest.raises(UsageProblem, match="its seeds are not those of --weights"):
            run_of_seed(tmp_path, several, seed)


def test_training_writes_where_evaluation_looks(tmp_path):
    from depmap_cli.config import Config
    from depmap_cli.workflows.labelled_data import LabelledData
    from depmap_cli.workflows.train import TrainOptions

    options = TrainOptions(
        source=LabelledData(data=tmp_path), out=tmp_path / "run", config=Config(), folds=3
    )
    runs = [run for fold in range(3) for run in options.runs_of(fold)]
    assert [(run.fold, run.name) for run in runs] == [(n, f"fold {n}") for n in range(3)]
    touch(tmp_path, *(run.folder.path.relative_to(tmp_path) for run in runs))
    (found,) = cross_validations(tmp_path / "run", 3).values()
    assert found.weights(1) == runs[1].folder.path / "weights.safetensors"
