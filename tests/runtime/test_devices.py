"""Out-of-memory errors are recognised by their messages; the precision suits the hardware."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from depmap_cli.errors import OutOfMemory
from depmap_cli.runtime.devices import explain_out_of_memory, move_to_device, training_precision


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        RuntimeError("MPS backend out of memory (MPS allocated: 17.93 GB, other: 384.00 KB)"),
    ],
    ids=str,
)
def test_out_of_memory_is_reported_in_one_line(error):
    with (
        pytest.raises(OutOfMemory, match="too little memory for x"),
        explain_out_of_memory("x", "y"),
    ):
        raise error


def test_other_errors_are_not_taken_for_out_of_memory():
    with pytest.raises(ValueError, match="plain"), explain_out_of_memory("x", "y"):
        raise ValueError("plain")
    with pytest.raises(RuntimeError, match="shapes"), explain_out_of_memory("x", "y"):
        raise RuntimeError("shapes do not fit")


def test_a_network_is_moved_if_there_is_enough_memory(monkeypatch):
    network = nn.Conv2d(2, 4, 3)
    assert move_to_device(network, torch.device("cpu"), torch.channels_last) is network
    assert network.weight.is_contiguous(memory_format=torch.channels_last)

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(nn.Module, "to", full)
    with pytest.raises(OutOfMemory, match="too little memory for the networks"):
        move_to_device(network, torch.device("cpu"))


@pytest.mark.filterwarnings("ignore:.*CUDA is not available")
@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_is_used_only_if_the_gpu_does_not_emulate_it(monkeypatch, native):
    """Before Ampere, torch reports support but emulates bfloat16 in float32."""

    def supported(including_emulation: bool = True) -> bool:
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    precision = training_precision(torch.device("cuda"))
    assert isinstance(precision, torch.autocast if native else nullcontext)
