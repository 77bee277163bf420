"""A wrapper that passes batches of one fixed size to a network."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BATCH_SIZE = 32
"""Face candidates in one forward pass."""


class FixedSizeBatches(nn.Module):
    """Runs ``network`` on batches of exactly ``BATCH_SIZE`` rows, the last one padded with zeros.

    The later stages of MTCNN receive a different number of candidates each time, and memory use
    then grew with the number of frames; with a fixed batch size it does not (measured: LOG L41).
    The likely cause is that oneDNN caches a kernel for every batch size.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the network for all ``rows`` (at least one)."""
        n = len(rows)
        outputs = []
        for start in range(0, n, BATCH_SIZE):
            batch = rows[start : start + BATCH_SIZE]
            n_padding = BATCH_SIZE - len(batch)
            padding = (0, 0) * (batch.ndim - 1) + (0, n_padding)
            outputs.append(self.network(F.pad(batch, padding)))
        return tuple(torch.cat(column)[:n] for column in zip(*outputs, strict=True))
