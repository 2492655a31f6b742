"""DaVinci Intermediate: Blackmagic Design, DaVinci Resolve 17 Wide Gamut Intermediate, 2021."""

import math

from lumaflux.color.arrays import Array, namespace

A, B, C, M = 0.0075, 7.0, 0.07329248, 10.44426855
LINEAR_CUT, LOG_CUT = 0.00262409, 0.02740668


def oetf(linear: Array) -> Array:
    """DaVinci Intermediate signal of relative scene light; 0.18 gives 0.336043, 1 gives 0.513837."""
    xp = namespace(linear)
    log = C * (xp.log(linear.clip(LINEAR_CUT, None) + A) / math.log(2) + B)
    return xp.where(linear > LINEAR_CUT, log, M * linear)


def inverse_oetf(signal: Array) -> Array:
    """Relative scene light of a DaVinci Intermediate signal."""
    xp = namespace(signal)
    curve = xp.exp((signal / C - B) * math.log(2)) - A
    return xp.where(signal > LOG_CUT, curve, signal / M)
