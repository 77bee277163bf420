"""The learning-rate schedule of a training run."""

import math


def cosine_rate(step: int, total: int, warmup: float) -> float:
    """Factor of the full learning rate: linear warm-up, then half a cosine down to 0.01."""
    rise = max(1, round(warmup * total))
    if step < rise:
        return (step + 1) / rise
    return 0.01 + 0.99 * 0.5 * (
        1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, total - rise)))
    )
