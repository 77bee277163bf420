"""A process of a torchrun group ends at once, after its exit functions; any other goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import atexit, sys, types
from depmap_cli.runtime.group_exit import end_process_of_group
module = types.ModuleType("torch.distributed")
module.is_available = lambda: True
module.is_initialized = lambda: {joined}
sys.modules["torch.distributed"] = module
atexit.register(lambda: print("exit function"))
end_process_of_group({code!r})
print("went on")
"""


@pytest.mark.parametrize(
    ("joined", "code", "lines", "returncode"),
    [
        (True, 0, ["exit function"], 0),
        (True, None, ["exit function"], 0),
        (True, 3, ["exit function"], 3),
        (True, "words", ["exit function"], 1),
        (False, 3, ["went on", "exit function"], 0),
    ],
)
def test_how_a_process_ends(joined, code, lines, returncode):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(joined=joined, code=code)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.splitlines(), done.returncode) == (lines, returncode)
