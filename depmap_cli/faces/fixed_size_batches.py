"""A network that only ever sees batches of one size."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PIECE = 32
"""Candidates that pass through a network together."""


class FixedSizeBatches(nn.Module):
    """Runs ``network`` on pieces of exactly ``PIECE`` rows, the last filled up with zeros.

    MTCNN hands its later stages another number of candidates each time, and freed memory that
    could not be used again grew with the number of frames; with batches of one size it does not
    (measured: CHANGELOG). Probably oneDNN keeps a kernel for every size it has seen, in between.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """The network's outputs for ``rows``, at least one, as if they had come at once."""
        n = len(rows)
        outputs = []
        for start in range(0, n, PIECE):
            piece = rows[start : start + PIECE]
            missing = PIECE - len(piece)
            outputs.append(self.network(F.pad(piece, (0, 0) * (piece.ndim - 1) + (0, missing))))
        return tuple(torch.cat(column)[:n] for column in zip(*outputs, strict=True))
