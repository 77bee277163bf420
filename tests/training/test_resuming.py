"""A run goes on with what it was begun with, and with nothing else."""

import csv
import json
import shutil

import pytest

from depmap_cli.config import PREPARED_FRAMES, Config
from depmap_cli.data.corpus import read_corpus
from depmap_cli.errors import DepmapError
from depmap_cli.io.checkpoint import read_document, save_checkpoint
from depmap_cli.training.resume import (
    STATE,
    check_resumable,
    data_description,
    data_hash,
    resume_key,
)
from depmap_cli.training.trainer import Trainer
from tests.support.runs import train

pytestmark = pytest.mark.slow


@pytest.fixture
def run(trained, tmp_path):
    """A copy of a finished run, which may be gone on with."""
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def moved(corpus, tmp_path):
    """The same videos elsewhere, in a manifest."""
    shutil.copytree(corpus, tmp_path / "moved")
    rows = [["path", "subject", "session", "task", "split", "score"]]
    for r in read_corpus(tmp_path / "moved").videos:
        rows.append([r.path, r.subject, r.session, r.task, r.split, r.score])

    def write(**scores: int):
        with (tmp_path / "data.csv").open("w", newline="") as file:
            for path, subject, *rest, score in rows:
                table = csv.writer(file)
                table.writerow([path, subject, *rest, scores.get(f"p{subject}", score)])
        return tmp_path / "data.csv"

    return write


def test_the_same_videos_may_have_moved(run, moved, cache, monkeypatch):
    assert train(monkeypatch, moved(), cache, run, "--resume") == 0
    assert "moved" not in (run / "card.md").read_text()


def test_how_a_run_began_is_kept_beside_what_went_on_with_it(run, corpus, cache, monkeypatch):
    began = json.loads((run / "run.json").read_text())
    for times in (1, 2):
        assert train(monkeypatch, corpus, cache, run, "--resume") == 0
        found = json.loads((run / "run.json").read_text())
        resumed = found.pop("resumed")
        assert found == began
        assert ["--resume" in one["command"] for one in resumed] == [True] * times
        assert resumed[-1]["started"] >= began["started"]


def test_other_scores_are_other_data(run, moved, cache, monkeypatch, capfd):
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    for more in ((), ("--dry-run",)):
        assert train(monkeypatch, moved(p101=16), cache, run, "--resume", *more) == 1
        assert "run: was trained with different data" in capfd.readouterr().err
    assert before == {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}


def test_data_is_told_by_labels_and_bytes(corpus, moved):
    there = read_corpus(corpus).videos
    again = read_corpus(moved().parent / "moved").videos
    assert data_hash(there) == data_hash(again[::-1])
    assert data_hash(there) != data_hash(there[1:])
    again[0].path.write_bytes(again[0].path.read_bytes() + b"\0")
    assert data_hash(there) != data_hash(again)


def test_other_weights_at_the_start(run, trained, corpus, cache, monkeypatch, capfd):
    more = ("--resume", "--init", trained / "weights.safetensors")
    assert train(monkeypatch, corpus, cache, run, *more) == 1
    assert "trained with different weights to start from" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--simulated",), "no --simulated"),
        (("--statement", "others"), "--statement 'seven snippets'"),
    ],
)
def test_what_is_said_of_the_data_is_not_changed(
    run, corpus, cache, monkeypatch, capfd, more, told
):
    assert train(monkeypatch, corpus, cache, run, "--resume", *more) == 1
    assert f"run: was trained with different description: {told}\n" in capfd.readouterr().err


def test_what_was_said_of_the_data_need_not_be_said_again(corpus, cache, tmp_path, monkeypatch):
    real, out = Trainer._train_epoch, tmp_path / "run"

    def interrupted(self, told):
        if self.progress.epoch == 1:
            raise KeyboardInterrupt
        return real(self, told)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_epoch", interrupted)
        assert train(monkeypatch, corpus, cache, out, "--simulated", "--statement", "mine") != 0
    assert train(monkeypatch, corpus, cache, out, "--resume") == 0
    last = read_document(out / "last.safetensors")
    assert (last["epoch"], last["simulated"]) == (1, True)
    assert last["training_data"].startswith("mine; before that")


def test_a_state_that_says_nothing_of_the_data_is_gone_on_with(tmp_path):
    """As states of version 0.1.0."""
    key = resume_key(Config(), "data", "semantics", None, data_description(tmp_path, True, "mine"))
    older = {name: value for name, value in key.items() if name != "description"}
    save_checkpoint(tmp_path / STATE, "training", {"key": older}, {})
    check_resumable(tmp_path, key)
    with pytest.raises(DepmapError, match="was trained with different data"):
        check_resumable(tmp_path, {**key, "data": "other"})


@pytest.mark.parametrize("missing", [(), ("weights",), ("weights", "last")])
def test_a_run_that_lost_its_state_is_not_begun_anew(
    run, corpus, cache, monkeypatch, capfd, missing
):
    for name in ("state", *missing):
        (run / f"{name}.safetensors").unlink()
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    assert train(monkeypatch, corpus, cache, run, "--resume") == 1
    told = " ".join(capfd.readouterr().err.split())
    assert "but no state.safetensors to resume from hint: choose another --out" in told
    assert before == {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}


def test_a_run_that_was_killed_before_its_first_state_begins_anew(tmp_path):
    key = resume_key(Config(), "data", "semantics", None, data_description(tmp_path, False, None))
    for name in ("best", "last"):
        save_checkpoint(tmp_path / f"{name}.safetensors", "depmap", {"epoch": 0}, {})
    check_resumable(tmp_path, key)
    (tmp_path / "log.csv").write_text("epoch\n0\n")
    check_resumable(tmp_path, key)
    (tmp_path / "log.csv").write_text("epoch\n0\n1\n")  # the best was the first
    with pytest.raises(DepmapError, match=r"holds log\.csv but no state\.safetensors"):
        check_resumable(tmp_path, key)
    save_checkpoint(tmp_path / "last.safetensors", "depmap", {"epoch": 1}, {})
    with pytest.raises(DepmapError, match=r"holds last\.safetensors but no state\.safetensors"):
        check_resumable(tmp_path, key)


def test_how_many_frames_are_scored_decides_on_the_best_epoch(
    run, corpus, cache, monkeypatch, capfd
):
    assert train(monkeypatch, corpus, cache, run, "--resume", "--set", "train.score_frames=9") == 1
    told = "run: was trained with different settings: train.score_frames=8\n"
    assert told in capfd.readouterr().err


def test_every_weights_file_scores_the_frames_it_was_judged_on(trained):
    judged_on = {"best": 8, "last": 8, "weights": PREPARED_FRAMES}
    for name, frames in judged_on.items():
        assert read_document(trained / f"{name}.safetensors")["sampling"]["frames"] == frames
