"""Which device computes, and in what precision."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from typing import TypeVar

import torch
from torch import nn

from depmap_cli.errors import OutOfMemory, UsageProblem

M = TypeVar("M", bound=nn.Module)
_NO_ROOM = (
    "DefaultCPUAllocator",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "_DEVICE_ALLOCATION_FAILED",  # cuDNN 9
    "MPS backend out of memory",
)
"""Words of the errors for want of memory that torch has no class for."""


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


@contextmanager
def explain_out_of_memory(doing: str, hint: str) -> Iterator[None]:
    """Turns an allocation that failed, on whatever device, into one line.

    Raises:
        OutOfMemory: what was being done, and the option that makes it smaller.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(f"too little memory for {doing}", hint) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the computer had no room."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_ROOM)


def move_to_device(
    network: M, device: torch.device, layout: torch.memory_format = torch.preserve_format
) -> M:
    """The network itself, moved to the device.

    Raises:
        OutOfMemory: there is no room on it.
    """
    with explain_out_of_memory("the networks", "close other programs, or give --device cpu"):
        return network.to(device, memory_format=layout)  # type: ignore[call-overload, no-any-return]


def training_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 autocast where the hardware multiplies it fast, else float32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and _cpu_has_bf16()
    return torch.autocast(device.type, torch.bfloat16) if fast else nullcontext()


def _cpu_has_bf16() -> bool:
    """Whether its own instructions multiply bfloat16. oneDNN also claims to support processors on
    which it can but emulate them, three times slower than float32."""
    if not hasattr(torch.cpu, "get_capabilities"):  # torch 2.6
        return False
    found = torch.cpu.get_capabilities()
    return any(name.endswith("bf16") and bool(present) for name, present in found.items())
