"""A LogC-shaped rendering, our own definition (YouTube's HDR-to-SDR table is not published as a formula):

V = (LogC3(L / 100) - LogC3(0)) / (LogC3(10) - LogC3(0)), channel by channel, in BT.709 primaries.
"""

import numpy as np

from lumaflux.color import logc3
from lumaflux.color.arrays import Array
from lumaflux.color.gamut import BT709_TO_BT2020, BT2020_TO_BT709
from lumaflux.color.primaries import apply_matrix

SDR_WHITE_NITS = 100.0
PEAK = 10.0  # of the relative light that reaches V = 1
_LOW, _HIGH = logc3.oetf(np.array([0.0, PEAK])).tolist()


def sdr_from_hdr(nits: Array, white_nits: float = SDR_WHITE_NITS) -> Array:
    """BT.2020 light in cd/m2 -> BT.709 SDR in [0, 1]."""
    linear = apply_matrix(BT2020_TO_BT709, nits / white_nits).clip(0.0, PEAK)
    return ((logc3.oetf(linear) - _LOW) / (_HIGH - _LOW)).clip(0.0, 1.0)


def hdr_from_sdr(sdr: Array, white_nits: float = SDR_WHITE_NITS) -> Array:
    """BT.709 SDR in [0, 1] -> BT.2020 light in cd/m2, the inverse inside the BT.709 gamut."""
    linear = logc3.inverse_oetf(sdr.clip(0.0, 1.0) * (_HIGH - _LOW) + _LOW)
    return (white_nits * apply_matrix(BT709_TO_BT2020, linear)).clip(0.0, None)
