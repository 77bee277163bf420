"""Chooses the device and the numeric precision, and recognises when memory runs out."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from typing import TypeVar

import torch
from torch import nn

from depmap_cli.errors import OutOfMemory, UsageProblem

M = TypeVar("M", bound=nn.Module)
_OUT_OF_MEMORY_MESSAGES = (
    "DefaultCPUAllocator",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "_DEVICE_ALLOCATION_FAILED",  # cuDNN 9
    "MPS backend out of memory",
)
"""Parts of the messages of out-of-memory errors for which torch has no class."""


class DeviceName(StrEnum):
    """Values of ``--device``."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


def available_devices() -> list[str]:
    """Return the names of the devices that this installation can compute on."""
    names = ["cpu"]
    if torch.cuda.is_available():
        names.append("cuda")
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


def resolve_device(name: str) -> torch.device:
    """Return the device named; ``auto`` is the first available of cuda, mps and cpu.

    Raises:
        UsageProblem: the device is unknown or not available. It is never replaced by another one.
    """
    available = available_devices()
    if name == "auto":
        return torch.device(next(d for d in ("cuda", "mps", "cpu") if d in available))
    if name not in list(DeviceName):
        raise UsageProblem(f"--device {name}: unknown", "choose one of " + ", ".join(DeviceName))
    if name not in available:
        raise UsageProblem(
            f"--device {name} is not available", "choose one of " + ", ".join(available)
        )
    return torch.device(name)


@contextmanager
def explain_out_of_memory(purpose: str, hint: str) -> Iterator[None]:
    """Turn a failed allocation in the block, on any device, into an error of one line.

    Args:
        purpose: what needs the memory; completes "too little memory for ...".
        hint: how to reduce the memory needed.

    Raises:
        OutOfMemory: an allocation failed.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(f"too little memory for {purpose}", hint) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device or the computer ran out of memory."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(
        text in str(error) for text in _OUT_OF_MEMORY_MESSAGES
    )


def move_to_device(
    network: M, device: torch.device, layout: torch.memory_format = torch.preserve_format
) -> M:
    """Move a network to a device, and return it.

    Raises:
        OutOfMemory: the device has too little memory.
    """
    with explain_out_of_memory("the networks", "close other programs, or give --device cpu"):
        return network.to(device, memory_format=layout)  # type: ignore[call-overload, no-any-return]


def training_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return a context for bfloat16 if the hardware computes it fast, otherwise for float32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and _cpu_has_bf16()
    return torch.autocast(device.type, torch.bfloat16) if fast else nullcontext()


def _cpu_has_bf16() -> bool:
    """Whether the processor multiplies matrices of bfloat16 in units made for it (AMX).

    With vector instructions alone (AVX-512 BF16) the backward pass takes twice as long as in
    float32 (measured: LOG L71), and where oneDNN emulates them everything is slower.
    """
    if not hasattr(torch.cpu, "get_capabilities"):  # torch 2.6
        return False
    capabilities = torch.cpu.get_capabilities()
    return any("amx" in name and bool(present) for name, present in capabilities.items())
