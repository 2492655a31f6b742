"""Photographic tone reproduction on luminance: Reinhard et al., SIGGRAPH 2002, eq. 4."""

from lumaflux.color import bt1886
from lumaflux.color.arrays import Array
from lumaflux.color.gamut import clip_to_bt709
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.color.sdr_to_pq import sdr_to_linear2020

SDR_WHITE_NITS = 100.0
WHITE = 10.0  # the smallest luminance that maps to 1: a 1000 cd/m2 master over 100


def curve(x: Array, white: float = WHITE) -> Array:
    """x (1 = 100 cd/m2) -> display luminance, ``white`` -> 1."""
    return x * (1 + x / (white * white)) / (1 + x)


def inverse_curve(display: Array, white: float = WHITE) -> Array:
    """The inverse of :func:`curve` for display luminance of 0 and more.

    x = w (w (d - 1) + root) / 2 loses four digits in float32 near black; this is the same, extended by its conjugate.
    """
    d = display.clip(0.0, None)
    root = (white * white * (1 - d) * (1 - d) + 4 * d) ** 0.5
    return 2 * white * d / (root + white * (1 - d))


def sdr_from_hdr(nits: Array, white: float = WHITE) -> Array:
    """BT.2020 light ``[..., 3, H, W]`` in cd/m2 -> BT.709/BT.1886 SDR in [0, 1]."""
    linear = nits.clip(0.0, None) / SDR_WHITE_NITS
    x = luminance(linear, BT2020_LUMA).clip(1e-8, None)
    return bt1886.inverse_eotf(clip_to_bt709(linear * (curve(x, white) / x)), white_nits=1.0)


def hdr_from_sdr(sdr: Array, white: float = WHITE) -> Array:
    """BT.709/BT.1886 SDR in [0, 1] -> BT.2020 light in cd/m2."""
    linear = sdr_to_linear2020(sdr)
    d = luminance(linear, BT2020_LUMA).clip(1e-8, None)
    return SDR_WHITE_NITS * linear * (inverse_curve(d, white) / d)
