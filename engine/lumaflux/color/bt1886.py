"""The reference display of SDR television: BT.1886 Annex 1."""

from lumaflux.color.arrays import Array, power

GAMMA = 2.4
_FLOOR = 1e-10  # of the range; its signal, 7e-5, lies below the first code of 12 bits


def _gain_and_lift(white_nits: float, black_nits: float) -> tuple[float, float]:
    if not 0 <= black_nits < white_nits:
        raise ValueError(f"The black level ({black_nits} cd/m2) must lie in [0, white level = {white_nits}).")
    white_root, black_root = white_nits ** (1 / GAMMA), black_nits ** (1 / GAMMA)
    return (white_root - black_root) ** GAMMA, black_root / (white_root - black_root)


def eotf(signal: Array, white_nits: float = 100.0, black_nits: float = 0.0) -> Array:
    """Light in cd/m2 of an SDR signal; 1 gives ``white_nits``, 0 gives ``black_nits``.

    ``white_nits=1`` linearises to relative light. Signals above 1 (super-white) go on along the curve.
    Raises ValueError unless 0 <= black < white.
    """
    gain, lift = _gain_and_lift(white_nits, black_nits)
    return gain * (signal + lift).clip(0.0, None) ** GAMMA


def inverse_eotf(nits: Array, white_nits: float = 100.0, black_nits: float = 0.0) -> Array:
    """SDR signal of light in cd/m2, the inverse of :func:`eotf`; light below 0 counts as 0.

    Raises ValueError unless 0 <= black < white.
    """
    gain, lift = _gain_and_lift(white_nits, black_nits)
    return power(nits / gain, 1 / GAMMA, _FLOOR) - lift
