"""A wrapper that passes batches of a few fixed sizes to a network."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BATCH_SIZES = (1, 4, 16)
"""Possible numbers of face candidates in one forward pass."""


class FixedSizeBatches(nn.Module):
    """Runs ``network`` on batches whose sizes are in ``BATCH_SIZES``, the last one padded.

    The later stages of MTCNN receive a different number of candidates each time, and memory use
    then grew with the number of frames; with fixed batch sizes it does not (measured: LOG L41).
    The likely cause is that oneDNN caches a kernel for every batch size.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the network for all ``rows`` (at least one)."""
        n = len(rows)
        outputs = []
        for start in range(0, n, BATCH_SIZES[-1]):
            batch = rows[start : start + BATCH_SIZES[-1]]
            size = next(size for size in BATCH_SIZES if size >= len(batch))
            padding = (0, 0) * (batch.ndim - 1) + (0, size - len(batch))
            outputs.append(self.network(F.pad(batch, padding) if size > len(batch) else batch))
        return tuple(torch.cat(column)[:n] for column in zip(*outputs, strict=True))
