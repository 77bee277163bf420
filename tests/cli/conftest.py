"""Fixture that runs the installed command in this process."""

import sys

import pytest

from depmap_cli.batch.workers import InProcessWorker


@pytest.fixture
def run(capfd, monkeypatch):
    """Runs ``depmap ARGS`` in this process: (exit code, stdout, stderr); batches, too."""
    monkeypatch.setenv("DEPMAP_DEBUG", "")  # also restores it after --debug
    monkeypatch.setattr(
        "depmap_cli.batch.workers.local_workers", lambda job, *others: [InProcessWorker(job)]
    )

    def call(*arguments: object) -> tuple[int, str, str]:
        from depmap_cli.cli import main

        monkeypatch.setattr(sys, "argv", ["depmap", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return call
