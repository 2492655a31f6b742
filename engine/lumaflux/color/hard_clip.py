"""Hard clip: light over a level is lost; what the simplest SDR trims do."""

from lumaflux.color import bt1886
from lumaflux.color.arrays import Array
from lumaflux.color.gamut import clip_to_bt709
from lumaflux.color.sdr_to_pq import sdr_to_linear2020

CLIP_NITS = 203.0


def sdr_from_hdr(nits: Array, clip_nits: float = CLIP_NITS) -> Array:
    """BT.2020 light in cd/m2 -> BT.709/BT.1886 SDR in [0, 1]; ``clip_nits`` and above become white."""
    return bt1886.inverse_eotf(clip_to_bt709((nits / clip_nits).clip(0.0, 1.0)), white_nits=1.0)


def hdr_from_sdr(sdr: Array, clip_nits: float = CLIP_NITS) -> Array:
    """BT.709/BT.1886 SDR in [0, 1] -> BT.2020 light in cd/m2: white at ``clip_nits``."""
    return clip_nits * sdr_to_linear2020(sdr)
