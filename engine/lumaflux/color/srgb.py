"""The curve of sRGB pictures: IEC 61966-2-1, 5.2."""

from lumaflux.color import bt1886
from lumaflux.color.arrays import Array, namespace

_JOIN_SIGNAL, _JOIN_LINEAR = 0.04045, 0.0031308
_SLOPE, _OFFSET, _GAMMA = 12.92, 0.055, 2.4


def eotf(signal: Array) -> Array:
    """Relative light in [0, 1] of an sRGB signal in [0, 1]."""
    curve = ((signal.clip(0.0, None) + _OFFSET) / (1 + _OFFSET)) ** _GAMMA
    return namespace(signal).where(signal <= _JOIN_SIGNAL, signal / _SLOPE, curve)


def inverse_eotf(linear: Array) -> Array:
    """sRGB signal of relative light, the inverse of :func:`eotf`."""
    curve = (1 + _OFFSET) * linear.clip(_JOIN_LINEAR, None) ** (1 / _GAMMA) - _OFFSET
    return namespace(linear).where(linear <= _JOIN_LINEAR, linear * _SLOPE, curve)


def srgb_to_bt1886(signal: Array) -> Array:
    """The BT.1886 signal that shows the same light as an sRGB signal, both in [0, 1]."""
    return bt1886.inverse_eotf(eotf(signal), white_nits=1.0)
