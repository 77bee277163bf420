"""Standard error of a statistic of dependent data, by leaving out one block at a time."""

import numpy as np
from jaxtyping import Float


def jackknife_error(
    estimate: float, without_block: Float[np.ndarray, " g"], shares: Float[np.ndarray, " g"]
) -> float:
    """Return the standard error of an estimate by the delete-m jackknife for unequal blocks.

    With h = 1 / share of a block, the pseudovalue of a block is
    h * estimate - (h - 1) * (estimate without the block), and the squared error is the mean over
    blocks of (pseudovalue - bias-corrected estimate)^2 / (h - 1): Busing, Meijer and van der Leeden
    (1999), "Delete-m jackknife for unequal m", Statistics and Computing 9, 3-8. Blocks of
    neighbouring values account for their dependence: Kuensch (1989), Annals of Statistics 17.

    Args:
        estimate: from all data.
        without_block: the estimate without each of at least two blocks.
        shares: of the data in each block; they sum to one.
    """
    if len(without_block) < 2:
        raise ValueError("the jackknife needs two blocks or more")
    h = 1 / shares
    corrected = len(h) * estimate - float(np.sum((1 - shares) * without_block))
    pseudovalues = h * estimate - (h - 1) * without_block
    return float(np.sqrt(np.mean((pseudovalues - corrected) ** 2 / (h - 1))))
