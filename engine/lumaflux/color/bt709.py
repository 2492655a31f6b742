"""Camera transfer functions: BT.709-6 1.2 and BT.2020-2 Table 4. Not used to make or read display-referred SDR."""

from lumaflux.color.arrays import Array, namespace

ALPHA_10BIT, BETA_10BIT = 1.099, 0.018  # BT.709, and BT.2020 at 10 bits
ALPHA_12BIT, BETA_12BIT = 1.0993, 0.0181  # BT.2020 at 12 bits
_SLOPE, _EXPONENT = 4.5, 0.45


def _constants(bits: int) -> tuple[float, float]:
    if bits not in (8, 10, 12):
        raise ValueError(f"The BT.709/BT.2020 OETF is defined for 8, 10 or 12 bits, not {bits}.")
    return (ALPHA_12BIT, BETA_12BIT) if bits == 12 else (ALPHA_10BIT, BETA_10BIT)


def oetf(linear: Array, bits: int = 10) -> Array:
    """Signal of scene light, both in [0, 1]. Raises ValueError unless ``bits`` is 8, 10 or 12."""
    alpha, beta = _constants(bits)
    curve = alpha * linear.clip(beta, None) ** _EXPONENT - (alpha - 1)
    return namespace(linear).where(linear < beta, _SLOPE * linear, curve)


def inverse_oetf(signal: Array, bits: int = 10) -> Array:
    """Scene light of a signal, the inverse of :func:`oetf`; the segments join at the curve's own value of beta."""
    alpha, beta = _constants(bits)
    join = alpha * beta**_EXPONENT - (alpha - 1)
    curve = ((signal.clip(0.0, None) + (alpha - 1)) / alpha) ** (1 / _EXPONENT)
    return namespace(signal).where(signal < join, signal / _SLOPE, curve)
