"""ACEScct: Academy S-2016-001, a logarithm of ACES light with a toe; its primaries are AP1."""

import math

from lumaflux.color.arrays import Array, namespace

A, B = 10.5402377416545, 0.0729055341958355
LINEAR_CUT, LOG_CUT = 0.0078125, 0.155251141552511


def oetf(linear: Array) -> Array:
    """ACEScct signal of relative scene light; 0.18 gives 0.413588, 1 gives 0.554795."""
    xp = namespace(linear)
    log = (xp.log(linear.clip(LINEAR_CUT, None)) / math.log(2) + 9.72) / 17.52
    return xp.where(linear > LINEAR_CUT, log, A * linear + B)


def inverse_oetf(signal: Array) -> Array:
    """Relative scene light of an ACEScct signal."""
    xp = namespace(signal)
    curve = xp.exp((signal * 17.52 - 9.72) * math.log(2))
    return xp.where(signal > LOG_CUT, curve, (signal - B) / A)
