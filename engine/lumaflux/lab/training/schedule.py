"""The learning rate over updates: linear warm-up, then a cosine."""

import math


def learning_rate(
    step: int, *, peak: float, final: float, warmup: int, steps: int, elapsed: float | None = None
) -> float:
    """Rate of update ``step`` (from 0): rises linearly over ``warmup`` updates, falls as a cosine to ``final``.

    The cosine follows the updates, or, of a run that ends by the clock, the share ``elapsed`` of its time.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0) if elapsed is None else min(elapsed, 1.0)
    return final + (peak - final) * 0.5 * (1 + math.cos(math.pi * progress))
