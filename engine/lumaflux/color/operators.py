"""The eight renderings of the degradation chain (1000 cd/m2 master -> 100 cd/m2 SDR) and their inverses, by name.

Three are families of our own definition, which stand here; the others are in the file of their standard.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from lumaflux.color import aces, bt1886, bt2390, bt2446a, bt2446c, logc3, reinhard
from lumaflux.color.arrays import Array, power
from lumaflux.color.gamut import BT709_TO_BT2020, BT2020_TO_BT709, clip_to_bt709
from lumaflux.color.primaries import apply_matrix
from lumaflux.color.sdr_to_pq import sdr_to_linear2020

Rendering = Callable[..., Array]

HARD_CLIP_NITS = 203.0
GAMMA_CLIP_NITS, GAMMA = 400.0, 2.2
LOGC_WHITE_NITS = 100.0
_LOGC_PEAK = 10.0  # of the relative light that reaches V = 1
_LOGC_LOW, _LOGC_HIGH = logc3.oetf(np.array([0.0, _LOGC_PEAK])).tolist()
_FLOOR = 1e-10


def hard_clip(nits: Array, clip_nits: float = HARD_CLIP_NITS) -> Array:
    """BT.2020 light in cd/m2 -> BT.709/BT.1886 SDR in [0, 1]; ``clip_nits`` and above become white, which is what the
    simplest SDR trims do."""
    return bt1886.inverse_eotf(clip_to_bt709((nits / clip_nits).clip(0.0, 1.0)), white_nits=1.0)


def inverse_hard_clip(sdr: Array, clip_nits: float = HARD_CLIP_NITS) -> Array:
    """BT.709/BT.1886 SDR in [0, 1] -> BT.2020 light in cd/m2: white at ``clip_nits``."""
    return clip_nits * sdr_to_linear2020(sdr)


def gamma_clip(nits: Array, clip_nits: float = GAMMA_CLIP_NITS, gamma: float = GAMMA) -> Array:
    """BT.2020 light in cd/m2 -> BT.709 SDR in [0, 1]: clip and plain gamma, V = (min(L / Lclip, 1))^(1/g)."""
    return power(clip_to_bt709((nits / clip_nits).clip(0.0, 1.0)), 1 / gamma, _FLOOR)


def inverse_gamma_clip(sdr: Array, clip_nits: float = GAMMA_CLIP_NITS, gamma: float = GAMMA) -> Array:
    """BT.709 SDR in [0, 1] -> BT.2020 light in cd/m2: white at ``clip_nits``."""
    return clip_nits * apply_matrix(BT709_TO_BT2020, sdr.clip(0.0, 1.0) ** gamma).clip(0.0, None)


def logc(nits: Array, white_nits: float = LOGC_WHITE_NITS) -> Array:
    """BT.2020 light in cd/m2 -> BT.709 SDR in [0, 1], shaped as LogC3, channel by channel, in BT.709 primaries.

    V = (LogC3(L / 100) - LogC3(0)) / (LogC3(10) - LogC3(0)): YouTube's HDR-to-SDR table is not published as a formula.
    """
    linear = apply_matrix(BT2020_TO_BT709, nits / white_nits).clip(0.0, _LOGC_PEAK)
    return ((logc3.oetf(linear) - _LOGC_LOW) / (_LOGC_HIGH - _LOGC_LOW)).clip(0.0, 1.0)


def inverse_logc(sdr: Array, white_nits: float = LOGC_WHITE_NITS) -> Array:
    """BT.709 SDR in [0, 1] -> BT.2020 light in cd/m2, the inverse inside the BT.709 gamut."""
    linear = logc3.inverse_oetf(sdr.clip(0.0, 1.0) * (_LOGC_HIGH - _LOGC_LOW) + _LOGC_LOW)
    return (white_nits * apply_matrix(BT709_TO_BT2020, linear)).clip(0.0, None)


# light [..., 3, H, W] in cd/m2, BT.2020 -> BT.709 SDR in [0, 1]; keyword parameters as each function names them
OPERATORS: dict[str, Rendering] = {
    "aces-1.3": aces.sdr_from_hdr,
    "bt2446a": bt2446a.sdr_from_hdr,
    "bt2446c": bt2446c.sdr_from_hdr,
    "hard-clip": hard_clip,
    "reinhard": reinhard.sdr_from_hdr,
    "logc": logc,
    "bt2390": bt2390.sdr_from_hdr,
    "gamma-clip": gamma_clip,
}

# BT.709 SDR in [0, 1] -> light [..., 3, H, W] in cd/m2, BT.2020
INVERSES: dict[str, Rendering] = {
    "aces-1.3": aces.hdr_from_sdr,
    "aces-2.0": partial(aces.hdr_from_sdr, version="2.0"),
    "bt2446a": bt2446a.hdr_from_sdr,
    "bt2446c": bt2446c.hdr_from_sdr,
    "hard-clip": inverse_hard_clip,
    "reinhard": reinhard.hdr_from_sdr,
    "logc": inverse_logc,
    "bt2390": bt2390.hdr_from_sdr,
    "gamma-clip": inverse_gamma_clip,
}
