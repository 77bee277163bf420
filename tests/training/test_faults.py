"""What goes wrong in training ends in one line that names the way out, and loses nothing."""

import csv
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from depmap_cli.config import FaceConfig, SamplingConfig
from depmap_cli.data.corpus import read_corpus
from depmap_cli.data.face_cache import FaceCache
from depmap_cli.io.checkpoint import load_checkpoint, load_tensors, read_document
from depmap_cli.scoring.inference import VideoInference
from depmap_cli.training.leakage import (
    hash_subject,
    selection_people_in,
    training_people_in,
    training_subjects,
)
from depmap_cli.training.trainer import Trainer
from depmap_cli.weights.locations import DEFAULT_WEIGHTS, weights_folder
from depmap_cli.workflows import labelled_data
from tests.support.runs import SMALL, depmap, train

pytestmark = pytest.mark.slow


def manifest(corpus: Path, path: Path, **changed: object) -> Path:
    """The corpus as a list, with columns replaced, by a value or by what a function of the row
    says; rows of which it says None are left out."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "subject", "session", "task", "split", "score"])
        for r in read_corpus(corpus).videos:
            row = {"subject": r.subject, "session": r.session, "split": r.split, "score": r.score}
            for name, value in changed.items():
                row[name] = value(r) if callable(value) else value
            if None not in row.values():
                cells = (row["subject"], row["session"], r.task, row["split"], row["score"])
                table.writerow([r.path, *cells])
    return path


def same_tensors(a: Path, b: Path) -> bool:
    first, second = load_tensors(a), load_tensors(b)
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"split": lambda r: "Testing" if r.split == "Development" else r.split},
            "Testing is never used for selection",
        ),
        (
            {"split": lambda r: "Development" if r.split == "Testing" else r.split},
            "300_1_Freeform_video.mp4",  # Testing's one video, which cannot be read
        ),
        ({"split": lambda r: None if r.split == "Development" else r.split}, "Testing is never"),
        (
            {"split": lambda r: None if r.split == "Training" else r.split},
            "Training split is empty",
        ),
        (
            {"subject": lambda r: r.split, "session": lambda r: r.subject},
            "Training split has one person only",
        ),
        ({"score": 12}, "all Training scores are equal"),
    ],
)
def test_a_corpus_that_cannot_be_learned_from(
    corpus, cache, tmp_path, changed, words, monkeypatch, capfd
):
    data = manifest(corpus, tmp_path / "data.csv", **changed)
    assert train(monkeypatch, data, cache, tmp_path / "run") == 1
    assert words in capfd.readouterr().err
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def test_testing_is_not_for_calibrating(trained, corpus, tmp_path, monkeypatch, capfd):
    out = tmp_path / "mine.safetensors"
    where = ("--data", corpus, "--out", out, "--weights", trained / "weights.safetensors")
    assert depmap(monkeypatch, "calibrate", *where, "--split", "Testing") == 2
    assert "never for selection or calibration" in capfd.readouterr().err
    one = {"subject": "100", "session": lambda r: r.subject, "split": "Development"}
    again = manifest(corpus, tmp_path / "again.csv", **one)
    assert depmap(monkeypatch, "calibrate", *where, "--data", again) == 1
    assert "trained on everyone in Development" in capfd.readouterr().err
    assert not out.exists()


def test_weights_of_another_architecture(trained, corpus, cache, tmp_path, monkeypatch, capfd):
    """Those given, those shipped, and those of a run that is to be resumed."""
    weights = trained / "weights.safetensors"
    more = ("--init", weights, "--set", "model.token_dim=32")
    assert train(monkeypatch, corpus, cache, tmp_path / "a", *more) == 1
    assert "has another architecture: token_dim" in capfd.readouterr().err
    assert train(monkeypatch, corpus, cache, tmp_path / "b", "--set", "model.scales=[3,4]") == 1
    assert "has another architecture: scales" in capfd.readouterr().err
    more = ("--resume", "--from-scratch", "--set", "model.kdm=false")
    assert train(monkeypatch, corpus, cache, trained, *more) == 1
    assert "different settings" in capfd.readouterr().err


def test_who_taught_the_weights_at_the_start_is_remembered(trained):
    document = read_document(trained / "weights.safetensors")
    shipped = training_subjects(read_document(weights_folder() / DEFAULT_WEIGHTS))
    assert training_subjects(document) == shipped | set(
        map(hash_subject, ("100", "101", "102", "103"))
    )


def test_whom_a_run_selects_on_is_remembered(trained, corpus):
    found = read_corpus(corpus).videos
    for name in ("best", "last", "weights"):
        document = read_document(trained / f"{name}.safetensors")
        assert selection_people_in(document, found) == {"200", "201", "202"}
        assert training_people_in(document, found) == {"100", "101", "102", "103"}


def test_weights_at_the_start_that_know_whom_they_would_be_judged_on(
    trained, corpus, tmp_path, monkeypatch, capfd
):
    """Folds are refused; of a corpus's own splits it is told."""
    swap = {"Training": "Development", "Development": "Training", "Testing": None}
    seven = manifest(corpus, tmp_path / "seven.csv", split=lambda r: swap[r.split])
    start = ("--data", seven, "--init", trained / "weights.safetensors", "--jobs", 1)
    assert depmap(monkeypatch, "train", "--dry-run", *start) == 0
    told = " ".join("".join(capfd.readouterr()).split())
    assert "weights.safetensors, which this run starts from, was trained on 4 of the people" in told
    folds = ("--folds", 3)
    assert depmap(monkeypatch, "train", "--dry-run", *start, *folds) == 1
    told = " ".join(capfd.readouterr().err.split())
    assert (
        f"fold 0: the weights to start from, {trained}/weights.safetensors, were trained on" in told
    )
    assert "train with --from-scratch" in told


@pytest.mark.usefixtures("faces_in_process")
def test_faces_made_with_other_options_are_not_taken(corpus, tmp_path):
    videos = [r for r in read_corpus(corpus).videos if r.split == "Training"][:1]
    choices = [
        (SamplingConfig(frames=4), FaceConfig()),
        (SamplingConfig(frames=3), FaceConfig(size=224)),
    ]
    found = [FaceCache(tmp_path, *c).prepare(videos, 1, lambda *_: None)[0] for c in choices]
    assert found[0].folder != found[1].folder
    assert [entry.faces.shape[:2] for entry in found] == [(4, 128), (3, 224)]


@pytest.mark.usefixtures("faces_in_process")
def test_prepared_faces_of_another_size_are_refused(corpus, cache, tmp_path, monkeypatch, capfd):
    data = tmp_path / "corpus"
    for video in read_corpus(corpus).videos:
        if video.split != "Testing":
            entry = FaceCache(cache, SamplingConfig(frames=128), FaceConfig())
            (made,) = entry.prepare([video], 1, lambda *_: None)
            place = data / video.path.relative_to(corpus)
            shutil.copytree(made.folder, place.with_suffix(".faces"))
    for split in ("Training", "Development"):
        shutil.copytree(corpus / split / "DepressionLabels", data / split / "DepressionLabels")
    more = ("--from-scratch", "--set", "faces.size=224")
    assert train(monkeypatch, data, cache, tmp_path / "run", *more) == 1
    assert "faces of 128 px, but 224 px are needed" in capfd.readouterr().err


def test_a_face_that_is_always_covered(corpus, cache, tmp_path, monkeypatch, capfd):
    """Training goes on without the video and says so; evaluation may leave nobody out."""
    real, hidden = (
        labelled_data.load_clips,
        {"101_1_Freeform_video.mp4", "202_1_Freeform_video.mp4"},
    )

    def covered(*given):
        none = np.zeros(0, int)
        return [
            replace(clip, usable=none) if clip.video.path.name in hidden else clip
            for clip in real(*given)
        ]

    monkeypatch.setattr(labelled_data, "load_clips", covered)
    out, where = tmp_path / "run", ("--data", corpus, "--cache", cache)
    loud = [word for word in SMALL if word != "-q"]
    assert depmap(monkeypatch, "train", *where, "--out", out, *loud, "--from-scratch") == 0
    told = " ".join(capfd.readouterr().err.split())
    names = "Training/Freeform/101_1_Freeform_video.mp4, Development/Freeform/202_1_"
    assert f"the face is covered throughout: {names}" in told
    taught = training_subjects(read_document(out / "weights.safetensors"))
    before = training_subjects(read_document(weights_folder() / DEFAULT_WEIGHTS))
    assert taught - before == {hash_subject(name) for name in ("100", "102", "103")}
    scored = (out / "development.csv").read_text()
    assert [name in scored for name in ("200_1", "201_1", "202_1")] == [True, True, False]
    evaluation = ("evaluate", *where, "--split", "Development", "-q")
    assert depmap(monkeypatch, *evaluation, "--weights", out / "weights.safetensors") == 1
    assert "202_1_Freeform_video.mp4: the face is covered" in capfd.readouterr().err


def test_too_little_memory_names_the_options_and_keeps_the_weights(
    corpus, cache, tmp_path, monkeypatch, capfd
):
    real, out = Trainer._loss, tmp_path / "run"

    def greedy(self, draws):
        if self.progress.epoch == 1:
            torch.empty(1 << 60, dtype=torch.uint8)  # the allocator's own words
        return real(self, draws)

    monkeypatch.setattr(Trainer, "_loss", greedy)
    assert train(monkeypatch, corpus, cache, out) == 1
    error = capfd.readouterr().err
    assert "too little memory for a batch" in error
    assert "train.batch_size" in error
    assert load_checkpoint(out / "best.safetensors", "depmap").document["epoch"] == 0
    assert load_checkpoint(out / "state.safetensors", "training").document["epoch"] == 1


@pytest.mark.parametrize(
    ("trained_already", "words"),
    [
        (False, "lower train.score_frames or train.frames"),
        (True, "close other programs and add --resume"),
    ],
)
def test_too_little_memory_for_development(
    corpus, cache, tmp_path, monkeypatch, capfd, trained_already, words
):
    real, out = VideoInference.encode_faces, tmp_path / "run"

    def greedy(self, *given):
        if (out / "last.safetensors").exists() == trained_already:
            torch.empty(1 << 60, dtype=torch.uint8)
        return real(self, *given)

    monkeypatch.setattr(VideoInference, "encode_faces", greedy)
    assert train(monkeypatch, corpus, cache, out, "--set", "train.epochs=1") == 1
    told = capfd.readouterr().err
    assert "too little memory for scoring Development" in told
    assert words in told


@pytest.mark.parametrize(
    ("greedy", "doing", "hint"),
    [
        ("torch.nn.ModuleDict.to", "the networks", "close other programs, or give --device cpu"),
        ("torch.optim.AdamW.step", "a batch", "lower train.batch_size or train.frames"),
    ],
)
def test_a_device_that_others_fill(
    corpus, cache, tmp_path, monkeypatch, capfd, greedy, doing, hint
):
    """On it there is no room for the networks, or for the optimiser's moments."""

    def full(*_, **__):
        raise RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be ...")

    monkeypatch.setattr(greedy, full)
    assert train(monkeypatch, corpus, cache, tmp_path / "run") == 1
    told = capfd.readouterr().err
    assert f"too little memory for {doing}" in told
    assert hint in told


def test_no_room_for_tensorboard(corpus, cache, tmp_path, monkeypatch, capfd):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter.add_scalar", full)
    out = tmp_path / "run"
    assert train(monkeypatch, corpus, cache, out, "--set", "train.epochs=1") == 1
    assert "tensorboard: cannot be written: No space left" in capfd.readouterr().err
    assert load_checkpoint(out / "best.safetensors", "depmap").document["epoch"] == 0


def test_a_full_disk_keeps_the_last_good_weights(corpus, cache, tmp_path, monkeypatch, capfd):
    """The disk is full from the second epoch on: no file may become larger than 1 MB."""
    real, out = Trainer._train_epoch, tmp_path / "run"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def filling(self, told):
        if self.progress.epoch == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        return real(self, told)

    monkeypatch.setattr(Trainer, "_train_epoch", filling)
    try:
        assert train(monkeypatch, corpus, cache, out) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written" in capfd.readouterr().err
    assert load_checkpoint(out / "state.safetensors", "training").document["epoch"] == 1
    assert load_checkpoint(out / "best.safetensors", "depmap").document["epoch"] == 0
    assert not list(out.glob(".*"))  # nothing half-written


def test_killed_in_the_middle_of_an_epoch(trained, corpus, cache, tmp_path, monkeypatch):
    """SIGKILL, as by a cluster, while the second epoch runs."""
    out = tmp_path / "run"
    arguments = ("train", "--data", corpus, "--out", out, "--cache", cache, *SMALL)
    command = [sys.executable, "-m", "depmap_cli", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not (out / "state.safetensors").exists() and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert train(monkeypatch, corpus, cache, out, "--resume") == 0
    for name in ("weights", "best", "last", "state"):
        found, whole = (folder / f"{name}.safetensors" for folder in (out, trained))
        assert same_tensors(found, whole), name
