"""Which device computes, and in what precision."""

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum

import torch

from depmap_cli.errors import UsageProblem


class DeviceName(StrEnum):
    """What ``--device`` takes."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


def available_devices() -> list[str]:
    """The devices that this installation can compute on."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def resolve_device(name: str) -> torch.device:
    """The device asked for; ``auto`` takes cuda, then mps, then cpu.

    Raises:
        UsageProblem: unknown, or not available here; it is never replaced by another.
    """
    found = available_devices()
    if name == "auto":
        return torch.device(next(d for d in ("cuda", "mps", "cpu") if d in found))
    if name not in list(DeviceName):
        raise UsageProblem(f"--device {name}: unknown", "one of " + ", ".join(DeviceName))
    if name not in found:
        raise UsageProblem(
            f"--device {name} is not available here", "available: " + ", ".join(found)
        )
    return torch.device(name)


def training_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 autocast where the hardware multiplies it fast, else float32."""
    if device.type == "cuda" or (device.type == "cpu" and _cpu_has_bf16()):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def _cpu_has_bf16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
