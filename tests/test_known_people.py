"""Weights are neither tested nor calibrated on people whom they learned from."""

from pathlib import Path

import numpy as np
import pytest

from depmap_cli.checkpoint import read_document
from depmap_cli.data.corpus import Recording
from depmap_cli.errors import DataInvalid
from depmap_cli.training.document import contents_of
from depmap_cli.training.finish import calibration
from depmap_cli.training.known_people import known_people, refuse_known
from depmap_cli.weights import DEFAULT, weights_folder
from depmap_cli.workflows.calibrate import calibrate_run
from depmap_cli.workflows.evaluate import EvaluateOptions
from depmap_cli.workflows.material import Source


@pytest.fixture(scope="module")
def document():
    """What is known of weights that learned from ann and bob."""
    return {"training_subjects": ["ann", "bob", "zoe"]}


def recordings(*subjects):
    return [
        Recording("Testing", subject, str(i), "", Path(f"{i}.mp4"), 9)
        for i, subject in enumerate(subjects)
    ]


def test_each_person_counts_once(document):
    assert known_people(document, recordings("ann", "ann", "bob", "eve")) == {"ann", "bob"}
    assert known_people(document, recordings("eve")) == set()


def test_acquaintances_are_refused_and_strangers_pass(document):
    words = ("the weights", "of Testing", "take others")
    with pytest.raises(DataInvalid, match="the weights were trained on 1 of the people of Testing"):
        refuse_known(document, recordings("ann", "eve", "ann"), *words)
    refuse_known(document, recordings("eve"), *words)


def test_people_are_known_by_their_recordings_too(tmp_path):
    """The same file under another name, or in another corpus, which calls people otherwise."""
    (tmp_path / "0.mp4").write_bytes(b"one")
    (tmp_path / "1.mp4").write_bytes(b"two")
    found = [
        Recording("Testing", name, "1", "", tmp_path / f"{i}.mp4", 9) for i, name in enumerate("ab")
    ]
    document = {"training_subjects": ["x"], "training_contents": contents_of(found[1:])}
    assert known_people(document, found) == {"b"}


def test_weights_are_not_calibrated_on_people_whom_they_know(tmp_path):
    """Refused before a video is opened."""
    known, other, *_ = read_document(weights_folder() / DEFAULT)["training_subjects"]
    lines = ["path,subject,session,task,split,score"]
    for i, subject in enumerate((known, other)):
        (tmp_path / f"{i}.mp4").write_text("never opened")
        lines.append(f"{i}.mp4,{subject},1,,Development,{10 * i}")
    (tmp_path / "all.csv").write_text("\n".join(lines) + "\n")
    options = EvaluateOptions(Source(tmp_path / "all.csv"), split="Development", device="cpu")
    out = tmp_path / "out.safetensors"
    with pytest.raises(DataInvalid, match="everybody in Development: .*too small"):
        calibrate_run(options, out, lambda *_: None)
    assert not out.exists()


def test_residuals_of_people_whom_the_weights_know_are_left_out():
    found = recordings("ann", "eve", "ann", "kim")
    stored = calibration(found, np.array([9, 12, 9, 4]), "Development", {"ann"})
    assert stored["residuals"] == [3.0, 5.0]
    assert stored["people"] == [0, 1]
    assert stored["left_out"] == 1
