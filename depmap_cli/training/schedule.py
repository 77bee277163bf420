"""The learning rate over a training run."""

import math


def cosine_rate(step: int, total: int, warmup: float) -> float:
    """Share of the full learning rate: a straight rise, then half a cosine down to 1 %."""
    rise = max(1, round(warmup * total))
    if step < rise:
        return (step + 1) / rise
    return 0.01 + 0.99 * 0.5 * (
        1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, total - rise)))
    )
