"""Weights are neither tested nor calibrated on people whom they learned from."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from depmap_cli.data.corpus import Recording
from depmap_cli.errors import DataInvalid
from depmap_cli.weights import load_networks
from depmap_cli.workflows.calibrate import calibrate_run
from depmap_cli.workflows.evaluate import EvaluateOptions
from depmap_cli.workflows.known_people import known_people, refuse_known
from depmap_cli.workflows.material import Source


@pytest.fixture(scope="module")
def networks():
    """The shipped ones, made to have learned from ann and bob."""
    shipped = load_networks(None, torch.device("cpu"))
    return replace(
        shipped, document={**shipped.document, "training_subjects": ["ann", "bob", "zoe"]}
    )


def recordings(*subjects):
    return [
        Recording("Testing", subject, str(i), "", Path(f"{i}.mp4"), 9)
        for i, subject in enumerate(subjects)
    ]


def test_each_person_counts_once(networks):
    assert known_people(networks, recordings("ann", "ann", "bob", "eve")) == {"ann", "bob"}
    assert known_people(networks, recordings("eve")) == set()


def test_acquaintances_are_refused_and_strangers_pass(networks):
    words = ("the weights", "of Testing", "take others")
    with pytest.raises(DataInvalid, match="the weights were trained on 1 of the people of Testing"):
        refuse_known(networks, recordings("ann", "eve", "ann"), *words)
    refuse_known(networks, recordings("eve"), *words)


def test_weights_are_not_calibrated_on_people_whom_they_know(tmp_path):
    """Refused before a video is opened."""
    from depmap_cli.checkpoint import read_document
    from depmap_cli.weights import DEFAULT, weights_folder

    known, *_ = read_document(weights_folder() / DEFAULT)["training_subjects"]
    lines = ["path,subject,session,task,split,score"]
    for i, subject in enumerate((known, "somebody else")):
        (tmp_path / f"{i}.mp4").write_text("never opened")
        lines.append(f"{i}.mp4,{subject},1,,Development,{10 * i}")
    (tmp_path / "all.csv").write_text("\n".join(lines) + "\n")
    options = EvaluateOptions(Source(tmp_path / "all.csv"), split="Development", device="cpu")
    out = tmp_path / "out.safetensors"
    with pytest.raises(DataInvalid, match="1 of the people of Development: .*too small"):
        calibrate_run(options, out, lambda *_: None)
    assert not out.exists()
