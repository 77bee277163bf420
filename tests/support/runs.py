"""Commands of training, as a user gives them, made small."""

import resource
import sys
from contextlib import contextmanager

import pytest

FEW = ["--set", "train.frames=4", "--set", "train.score_frames=8", "--jobs", "1"]
"""Numbers of frames for each video, small enough for tests."""
SMALL = [
    *("--set", "train.epochs=2", "--set", "train.batch_size=2", "--device", "cpu", "-q"),
    *("--set", "train.contrastive_start_epoch=1"),  # in the second of the two epochs
    *FEW,
]


@contextmanager
def disk_full_at(size: int):
    """No file may become larger than ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def depmap(monkeypatch, *arguments: object) -> int:
    from depmap_cli.cli import main

    monkeypatch.setattr(sys, "argv", ["depmap", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def train(monkeypatch, corpus, cache, out, *more) -> int:
    return depmap(
        monkeypatch, "train", "--data", corpus, "--out", out, "--cache", cache, *SMALL, *more
    )
