"""`depmap train` under torchrun: two processes take the steps that one takes."""

import pytest
import torch

from depmap_cli.io.checkpoint import load_tensors
from depmap_cli.weights.loading import load_networks
from tests.runtime.test_distributed import torchrun, torchrun_says
from tests.support.runs import SMALL, depmap, train

pytestmark = pytest.mark.slow

ALIKE = ("--set", "model.dropout=0")
"""Dropout differs between processes."""


def train_two(corpus, cache, out, *more):
    """Both processes end with the same weights to the last bit."""
    where = ("train", "--data", corpus, "--cache", cache, "--out", out)
    done = torchrun("-m", "tests.support.two_trainers", *where, *SMALL, *more)
    assert done.returncode == 0, done.stderr[-3000:]
    assert all(f"process {rank} agrees" in done.stdout for rank in range(2))


def test_two_processes_train_the_weights_that_one_trains(corpus, cache, tmp_path, monkeypatch):
    """Through an epoch without the contrastive loss, in which some parameters have no gradient."""
    monkeypatch.setattr("depmap_cli.runtime.devices._cpu_has_bf16", lambda: False)
    assert train(monkeypatch, corpus, cache, tmp_path / "one", *ALIKE) == 0
    train_two(corpus, cache, tmp_path / "two", *ALIKE)

    monkeypatch.setattr("depmap_cli.runtime.fold_batch_norm.fold_batch_norm", lambda network: None)
    start = load_networks(None, torch.device("cpu")).model.state_dict()
    one, two = (load_tensors(tmp_path / run / "last.safetensors") for run in ("one", "two"))
    moved = {}
    for name in (name for name in start if start[name].is_floating_point()):
        apart, moved[name] = ((one[name] - other[name]).norm() for other in (two, start))
        assert apart <= 1e-3 * moved[name], name
    assert (
        min(moved[k] for k in ("head.weight", "clusters.prototypes", "backbone.stem.0.weight")) > 0
    )


def test_two_processes_agree_from_a_random_start(corpus, cache, tmp_path):
    """There batch norms are trained, each process's on its own share."""
    random = ("--from-scratch", "--set", "train.init_from_semantic_model=false")
    train_two(corpus, cache, tmp_path / "run", *random, "--set", "train.epochs=1")


@pytest.mark.parametrize(
    ("count", "hint"), [(3, "set train.batch_size=3"), (5, "start at most 4 processes")]
)
def test_batches_that_do_not_divide_over_the_processes(
    corpus, tmp_path, monkeypatch, capfd, count, hint
):
    for name, value in torchrun_says(count).items():
        monkeypatch.setenv(name, value)
    where = ("train", "--data", corpus, "--out", tmp_path / "run")
    assert depmap(monkeypatch, *where, "--set", "train.batch_size=8", "--dry-run") == 2
    told = capfd.readouterr().err
    assert f"batches of 4 videos do not divide over {count} processes" in told
    assert hint in told
