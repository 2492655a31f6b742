"""The learning rate over updates: linear warm-up, then a cosine."""

import math


def learning_rate(step: int, *, peak: float, final: float, warmup: int, steps: int) -> float:
    """Rate of update ``step`` (from 0): rises linearly over ``warmup`` updates, falls as a cosine to ``final``."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
    return final + (peak - final) * 0.5 * (1 + math.cos(math.pi * progress))
