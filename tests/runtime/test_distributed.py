"""Several processes compute what one process computes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from depmap_cli.errors import UsageProblem
from depmap_cli.runtime.distributed import ProcessGroup, process_count

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def torchrun_says(count: int) -> dict[str, str]:
    """Return the environment of the first of ``count`` processes."""
    variables = {"RANK": 0, "LOCAL_RANK": 0, "MASTER_ADDR": "localhost", "MASTER_PORT": 29500}
    return {name: str(value) for name, value in {"WORLD_SIZE": count, **variables}.items()}


def torchrun(*arguments: object, timeout: int = 150) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=ROOT)


def test_two_processes_learn_what_one_learns():
    done = torchrun("-m", "tests.support.two_processes")
    assert done.returncode == 0, done.stderr[-3000:]
    assert all(f"process {rank} agrees" in done.stdout for rank in range(2))


def test_processes_that_torchrun_did_not_start_are_refused(monkeypatch):
    """A job scheduler sets some of the variables that torchrun sets."""
    for name, value in torchrun_says(4).items():
        monkeypatch.setenv(name, value)
    assert process_count() == 4
    for name in ("RANK", "LOCAL_RANK"):
        with monkeypatch.context() as patch:
            patch.delenv(name)
            with pytest.raises(UsageProblem, match=f"not by torchrun: {name} missing .*`unset"):
                process_count()
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.delenv("RANK")
    assert process_count() == 1


def test_parts_are_disjoint_and_complete():
    rows = list(range(8))
    parts = [ProcessGroup(rank, 2).share(rows) for rank in range(2)]
    assert sorted(parts[0] + parts[1]) == rows
    assert len(parts[0]) == len(parts[1])
    with pytest.raises(ValueError, match="divide"):
        ProcessGroup(0, 2).share(rows[:3])


def test_one_process_gathers_its_own_value_without_gradient():
    value = torch.ones(3, requires_grad=True)
    gathered = ProcessGroup().gathered(value)
    assert torch.equal(gathered, value)
    assert not gathered.requires_grad
    assert torch.equal(ProcessGroup().own(gathered), gathered)
