"""A network that only ever sees batches of one size."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PIECE = 32
"""Candidates that pass through a network together; twice as many are no faster."""


class InPieces(nn.Module):
    """Runs ``network`` on pieces of exactly ``PIECE`` rows, the last filled up with zeros.

    MTCNN hands its later stages another number of candidates each time. For every new number
    oneDNN builds and keeps a kernel; those small pieces between the large ones kept freed memory
    from being joined, and it grew with the number of frames (measured: CHANGELOG).
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
