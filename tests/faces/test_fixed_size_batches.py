"""Batches of fixed sizes give the same results as one batch."""

import pytest
import torch

from depmap_cli.faces.fixed_size_batches import BATCH_SIZES, FixedSizeBatches

MOST = BATCH_SIZES[-1]


@pytest.mark.parametrize("n", [1, 2, 5, MOST - 1, MOST, 2 * MOST + 5])
def test_fixed_size_batches_give_the_same_as_one_batch(n):
    sizes = []

    class Sums(torch.nn.Module):
        def forward(self, rows):
            sizes.append(len(rows))
            return rows.sum(1), rows.sum((1, 2, 3))

    rows = torch.randn(n, 3, 4, 4)
    maps, totals = FixedSizeBatches(Sums())(rows)
    torch.testing.assert_close(maps, rows.sum(1))
    torch.testing.assert_close(totals, rows.sum((1, 2, 3)))
    assert set(sizes) <= set(BATCH_SIZES)
