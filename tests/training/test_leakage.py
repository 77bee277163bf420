"""Weights are neither tested nor calibrated on people whom they learned from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from depmap_cli.config import Config, SemanticsTrainConfig
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DataInvalid
from depmap_cli.io.checkpoint import read_document, save_checkpoint
from depmap_cli.semantics_training import AuFrames
from depmap_cli.training.export import calibration
from depmap_cli.training.leakage import (
    check_start_leakage,
    content_hashes,
    hash_subject,
    refuse_known,
    selected_on,
    selection_people_in,
    trained_on,
    training_people_in,
    training_subjects,
)
from depmap_cli.training.provenance import training_document
from depmap_cli.weights.locations import DEFAULT_WEIGHTS, weights_folder
from depmap_cli.workflows import semantics as workflow
from depmap_cli.workflows.calibrate import run_calibration
from depmap_cli.workflows.evaluate import EvaluateOptions
from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec
from depmap_cli.workflows.semantics import SemanticsOptions, run_semantics_training


@pytest.fixture(scope="module", params=["hashes", "names"])
def document(request):
    """What is known of weights that learned from ann and bob; older ones hold names."""
    names = ["ann", "bob", "zoe"]
    if request.param == "names":
        return {"training_subjects": names}
    return {"training_people": [*map(hash_subject, names)]}


def labelled(*subjects):
    return [
        LabelledVideo(
            split="Testing",
            subject=subject,
            session=str(i),
            task="",
            path=Path(f"{i}.mp4"),
            score=9,
        )
        for i, subject in enumerate(subjects)
    ]


def videos(folder, split, *subjects):
    """The same with a file each, which is hashed and never decoded."""
    found = []
    for subject in subjects:
        path = folder / f"{split}-{subject}.mp4"
        path.write_text(f"{split} {subject}")
        found.append(
            LabelledVideo(split=split, subject=subject, session="1", task="", path=path, score=9)
        )
    return found


def test_each_person_counts_once(document):
    assert training_people_in(document, labelled("ann", "ann", "bob", "eve")) == {"ann", "bob"}
    assert training_people_in(document, labelled("eve")) == set()


def test_acquaintances_are_refused_and_strangers_pass(document):
    words = ("the weights", "of Testing", "take others")
    with pytest.raises(DataInvalid, match="the weights were trained on 1 of the people of Testing"):
        refuse_known(document, labelled("ann", "eve", "ann"), *words)
    refuse_known(document, labelled("eve"), *words)


def test_people_are_known_by_their_videos_too(tmp_path):
    """The same file under another name, or in another corpus, which calls people otherwise."""
    (tmp_path / "0.mp4").write_bytes(b"one")
    (tmp_path / "1.mp4").write_bytes(b"two")
    found = [
        LabelledVideo(
            split="Testing", subject=name, session="1", task="", path=tmp_path / f"{i}.mp4", score=9
        )
        for i, name in enumerate("ab")
    ]
    document = {"training_subjects": ["x"], "training_contents": content_hashes(found[1:])}
    assert training_people_in(document, found) == {"b"}
    document = {"development_subjects": ["x"], "development_contents": content_hashes(found[1:])}
    assert (training_people_in(document, found), selection_people_in(document, found)) == (
        set(),
        {"b"},
    )


def test_nobody_is_named_in_what_is_stored(tmp_path):
    found = videos(tmp_path, "Training", "Ann Example", "Bob Example")
    stored = {**trained_on(found, []), **selected_on(found, [])}
    assert len(training_subjects(stored)) == 2
    assert "Example" not in str(stored)
    assert (
        training_people_in(stored, found)
        == selection_people_in(stored, found)
        == {r.subject for r in found}
    )


def test_older_weights_do_not_tell_on_whom_they_were_selected():
    older = {"training_subjects": ["c200"]}
    assert selection_people_in(older, labelled("c200", "ann")) == set()
    assert training_people_in(older, labelled("c200", "ann")) == {"c200"}


def stored(folder, name, **people):
    """What weights store of the people in ``Training`` and ``Development``."""
    found = {split: videos(folder, split, subject) for split, subject in people.items()}
    lists = {**trained_on(found["Training"], []), **selected_on(found["Development"], [])}
    save_checkpoint(folder / name, "depmap", {"training_data": "some", **lists}, {})
    return lists


def test_all_who_had_to_do_with_the_start_are_remembered(tmp_path):
    """With the semantic model and with the weights gone on from; older ones, too, by name."""
    semantics, init = SemanticModelSpec().load(), tmp_path / "init.safetensors"
    semantics.document = {**semantics.document}
    semantics.document |= stored(tmp_path, "s.safetensors", Training="sam", Development="sue")
    stored(tmp_path, init.name, Training="ida", Development="ian")
    given = {
        "config": Config(),
        "semantics": semantics,
        "train": videos(tmp_path, "Training", "ann"),
        "started_from": "there",
        "init": init,
        "statement": "here",
        "simulated": False,
    }

    document = training_document(**given)
    assert training_subjects(document) == {hash_subject(name) for name in ("ann", "sam", "ida")}
    assert set(document["development_subjects"]) == {hash_subject(name) for name in ("sue", "ian")}
    elsewhere = [replace(r, subject="?") for r in videos(tmp_path, "Training", "sam", "ida", "eve")]
    assert len(training_people_in(document, elsewhere[:1])) == 1
    assert len(training_people_in(document, elsewhere[1:2])) == 1
    assert not training_people_in(document, elsewhere[2:])

    old = {"training_data": "some", "training_subjects": ["old"]}
    save_checkpoint(init, "depmap", old, {})
    document = training_document(**given)
    assert training_subjects(document) == {hash_subject(name) for name in ("ann", "sam", "old")}
    assert "training_subjects" not in document


@pytest.mark.parametrize(("epochs", "taught"), [(1, ("sam", "a", "c")), (0, ("sam",))])
def test_a_semantic_model_tells_whom_it_met(tmp_path, monkeypatch, epochs, taught):
    """Of all its sources, and of the model that it went on from; who is only judged taught it
    nothing."""
    runs, init = [], tmp_path / "init.safetensors"
    earlier = trained_on(videos(tmp_path, "Training", "sam"), [])
    save_checkpoint(init, "semantics", {"training_data": "some", **earlier}, {})
    none = AuFrames(
        faces=[],
        intensity=np.zeros((0, 18), np.float32),
        angles=np.zeros((0, 5), np.float32),
        landmarks=np.zeros((0, 68, 2), np.float32),
        index=np.zeros((0, 2), int),
    )
    monkeypatch.setattr(workflow, "_frames", lambda *_: none)
    monkeypatch.setattr(workflow, "train_semantics", lambda *given: runs.append(given[2]) or 0.5)
    monkeypatch.setattr(workflow, "evaluate_semantics", lambda *given: runs.append(given[1]) or 0.5)
    sources = []
    for name, split in (("a", "Training"), ("b", "Development"), ("c", "Training")):
        (found,) = videos(tmp_path, split, name)
        row = f"{found.path},{name},1,,{split},9"
        table = tmp_path / f"{name}.csv"
        table.write_text(f"path,subject,session,task,split,score\n{row}\n")
        sources.append(LabelledData(data=table))
    config = SemanticsTrainConfig(epochs=epochs)
    options = SemanticsOptions(
        sources=tuple(sources),
        out=tmp_path / "s.safetensors",
        config=config,
        init=(init,),
        device="cpu",
    )
    run_semantics_training(options, lambda *_: None, print)
    (run,) = runs
    assert training_subjects(run.people) == {hash_subject(name) for name in taught}
    assert (run.statement == "some") == (epochs == 0)
    assert run.people["development_subjects"] == [hash_subject("b")]


def test_a_semantic_model_that_knows_whom_a_run_is_judged_on():
    """It is told; folds, which exist for the sake of strangers, are refused."""
    found = [*labelled("ann", "eve"), replace(labelled("kim")[0], split="Training")]
    knows = {"training_people": [hash_subject("ann"), hash_subject("kim")]}
    (note,) = check_start_leakage(None, found, None, knows)
    assert "the semantic model, which this run starts from, was trained on 1 of the people" in note
    assert check_start_leakage(None, found[1:], None, knows) == []
    assert check_start_leakage(None, found, 0, {}) == []
    with pytest.raises(DataInvalid, match="fold 0: .*the semantic model.* 1 of the people"):
        check_start_leakage(None, found, 0, knows)


def test_weights_are_not_calibrated_on_people_whom_they_know(tmp_path):
    """Refused before a video is opened."""
    known, other = "s82-200", "s82-201"
    assert {hash_subject(known), hash_subject(other)} <= training_subjects(
        read_document(weights_folder() / DEFAULT_WEIGHTS)
    )
    lines = ["path,subject,session,task,split,score"]
    for i, subject in enumerate((known, other)):
        (tmp_path / f"{i}.mp4").write_text("never opened")
        lines.append(f"{i}.mp4,{subject},1,,Development,{10 * i}")
    (tmp_path / "all.csv").write_text("\n".join(lines) + "\n")
    options = EvaluateOptions(
        source=LabelledData(data=tmp_path / "all.csv"), split="Development", device="cpu"
    )
    out = tmp_path / "out.safetensors"
    with pytest.raises(DataInvalid, match="everyone in Development: .*too small"):
        run_calibration(options, out, lambda *_: None)
    assert not out.exists()


def test_residuals_of_people_whom_the_weights_know_are_left_out():
    found = labelled("ann", "eve", "ann", "kim")
    stored = calibration(found, np.array([9, 12, 9, 4]), "Development", {"ann"})
    assert stored["residuals"] == [3.0, 5.0]
    assert stored["people"] == [0, 1]
    assert stored["left_out"] == 1
