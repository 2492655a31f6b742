"""Perceptual quantiser: SMPTE ST 2084 clause 5, BT.2100-2 Table 4."""

from lumaflux.color.arrays import Array, namespace, power

PQ_M1 = 2610 / 16384  # ST 2084, 5.2
PQ_M2 = 2523 / 4096 * 128
PQ_C1 = 3424 / 4096
PQ_C2 = 2413 / 4096 * 32
PQ_C3 = 2392 / 4096 * 32
PQ_PEAK_NITS = 10000.0

_BLACK = PQ_C1**PQ_M2  # the signal of 0 cd/m2, 7.3e-7: below it the EOTF is 0
_FLOOR = 1e-6 / PQ_PEAK_NITS  # cd/m2 over the peak: 1/10 of a 10-bit code; below it the slope grows without bound


def eotf(signal: Array) -> Array:
    """Light of a PQ signal.

    Args:
        signal: In [0, 1], NumPy or torch, of any shape; clamped to that.

    Returns:
        cd/m2, 0 to 10000, of the same type and shape.

    Examples:
        >>> import numpy as np
        >>> eotf(np.array([0.0, 0.508, 1.0])).round(0).tolist()
        [0.0, 100.0, 10000.0]

    With N = signal^(1/m2), N - c1 and c2 - c3 N are formed from N - 1 = expm1(ln(signal)/m2): formed from N
    itself both differences cancel in float32. c2 - c3 = 1 - c1 is exact.
    """
    xp = namespace(signal)
    n_minus_1 = xp.expm1(xp.log(signal.clip(_BLACK, 1.0)) / PQ_M2)
    numerator = (n_minus_1 + (1 - PQ_C1)).clip(0.0, None)
    return PQ_PEAK_NITS * (numerator / ((PQ_C2 - PQ_C3) - PQ_C3 * n_minus_1)) ** (1 / PQ_M1)


def inverse_eotf(nits: Array) -> Array:
    """PQ signal of light.

    Args:
        nits: cd/m2, NumPy or torch, of any shape; clamped to [0, 10000].

    Returns:
        The signal in [0, 1], of the same type and shape.

    Examples:
        >>> import numpy as np
        >>> inverse_eotf(np.array([0.0, 100.0, 203.0, 1000.0])).round(3).tolist()
        [0.0, 0.508, 0.581, 0.752]

    (c1 + c2 y) / (1 + c3 y) is written as 1 - (1 - c1)(1 - y) / (1 + c3 y), for float32's sake near the peak.
    """
    xp = namespace(nits)
    y = power((nits / PQ_PEAK_NITS).clip(0.0, 1.0), PQ_M1, _FLOOR)
    return xp.exp(PQ_M2 * xp.log1p((PQ_C1 - 1) * (1 - y) / (1 + PQ_C3 * y)))
