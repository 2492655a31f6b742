"""Clip and plain gamma: a family of our own, V = (min(L / Lclip, 1))^(1/g)."""

from lumaflux.color.arrays import Array, power
from lumaflux.color.gamut import BT709_TO_BT2020, clip_to_bt709
from lumaflux.color.primaries import apply_matrix

CLIP_NITS, GAMMA = 400.0, 2.2
_FLOOR = 1e-10


def sdr_from_hdr(nits: Array, clip_nits: float = CLIP_NITS, gamma: float = GAMMA) -> Array:
    """BT.2020 light in cd/m2 -> BT.709 SDR in [0, 1]."""
    return power(clip_to_bt709((nits / clip_nits).clip(0.0, 1.0)), 1 / gamma, _FLOOR)


def hdr_from_sdr(sdr: Array, clip_nits: float = CLIP_NITS, gamma: float = GAMMA) -> Array:
    """BT.709 SDR in [0, 1] -> BT.2020 light in cd/m2: white at ``clip_nits``."""
    return clip_nits * apply_matrix(BT709_TO_BT2020, sdr.clip(0.0, 1.0) ** gamma).clip(0.0, None)
