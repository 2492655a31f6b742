"""ARRI LogC3 at exposure index 800: ALEXA Log C Curve, 2012."""

import math

from lumaflux.color.arrays import Array, namespace

CUT, A, B, C, D, E, F = 0.010591, 5.555556, 0.052272, 0.247190, 0.385537, 5.367655, 0.092809
_LN10 = math.log(10)


def oetf(linear: Array) -> Array:
    """LogC3 signal of relative scene light; 0.18 gives 0.391007."""
    xp = namespace(linear)
    log = C / _LN10 * xp.log(A * linear.clip(CUT, None) + B) + D
    return xp.where(linear > CUT, log, E * linear + F)


def inverse_oetf(signal: Array) -> Array:
    """Relative scene light of a LogC3 signal."""
    xp = namespace(signal)
    curve = (xp.exp((signal - D) * (_LN10 / C)) - B) / A
    return xp.where(signal > E * CUT + F, curve, (signal - F) / E)
