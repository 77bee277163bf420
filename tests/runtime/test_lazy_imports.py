"""Scoring does not load PyTorch's compiler, which can still be loaded on request."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

LOADED = """
import sys
from depmap_cli.scoring.scorer import Scorer
from depmap_cli.config import SubjectRule
Scorer.load(device="cpu")._detector(SubjectRule.largest)
assert "torch._dynamo" not in sys.modules
"""
ASKED_FOR = """
import torch, torchvision
boxes = torch.tensor([[0.0, 0, 0, 4, 4]])
assert torchvision.ops.roi_align(torch.ones(1, 3, 8, 8), boxes, 2).shape == (1, 3, 2, 2)
import torch._dynamo.utils
assert torch._dynamo.utils.counters is not None
weight = torch.nn.Parameter(torch.ones(1))
optimiser = torch.optim.AdamW([weight])
weight.sum().backward()
optimiser.step()
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item() == 2
"""
STILL_DEFERRED = """
import sys
from depmap_cli.runtime.lazy_imports import without_compiler
with without_compiler():
    import torch._dynamo
    assert type(sys.modules["torch._dynamo"]).__name__ == "_Deferred"
    from torch._dynamo import config
    assert type(sys.modules["torch._dynamo"]).__name__ == "module"
assert type(sys.modules["torch._dynamo"]).__name__ == "module"
"""


def run(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_compiler_is_not_loaded_for_scoring_and_loads_on_request():
    run(LOADED + STILL_DEFERRED + ASKED_FOR)
