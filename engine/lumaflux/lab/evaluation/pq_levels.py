"""Whether a picture's levels can be PQ: what they tell of a file without tags, alone and beside its SDR source."""

from pathlib import Path

import numpy as np

from lumaflux.color import pq
from lumaflux.color.primaries import BT709_LUMA, BT2020_LUMA, luminance
from lumaflux.errors import UserError

MASTER_PEAK_NITS = 4000.0  # no more than a glint of a master lies above it
MOST_ABOVE_PEAK = 0.01
BRIGHTEST_MEDIAN_NITS = 400.0  # twice the reference white of BT.2408
LINEAR_MEDIAN_NITS, LINEAR_ABOVE_PEAK = 0.05, 0.001  # linear light over its own peak, read as PQ
SDR_GAMMA, SDR_WHITE_NITS = 2.4, 100.0  # BT.1886
SDR_SEEN = 0.2  # SDR luma codes below it say too little of the light
FARTHEST_FROM_SDR = 50.0  # ratio of the medians; renderings of one scene differ by less than ten
SAME_AS_SDR, LEAST_CONTRAST = 0.01, 0.1  # mean distance of the codes; standard deviation of the SDR's


def check_levels(path: Path, signal: np.ndarray) -> None:
    """Raises UserError when [3,H,W] in [0,1] cannot be PQ: too bright, or a peak far above a dark picture."""
    highest = signal.max(axis=0)
    share = float(np.mean(highest > pq.inverse_eotf(np.array(MASTER_PEAK_NITS))))
    median = _nits(np.median(highest))
    above = None
    if share > MOST_ABOVE_PEAK:
        above = f"{share:.0%} of its pixels would be above {MASTER_PEAK_NITS:g} cd/m2"
    elif median > BRIGHTEST_MEDIAN_NITS:
        above = f"half of its pixels would be above {median:.0f} cd/m2"
    if above is not None:
        raise UserError(f"{path}: {above} in PQ; it seems to have another transfer, write it as PQ")
    if share > LINEAR_ABOVE_PEAK and 0 < median < LINEAR_MEDIAN_NITS:
        raise UserError(
            f"{path}: half of it would be below {median:.2g} cd/m2 in PQ, its peak at {_nits(highest.max()):.0f}; it "
            "seems to be linear light, write it as PQ"
        )


def check_beside_sdr(path: Path, signal: np.ndarray, sdr: np.ndarray) -> None:
    """Raises UserError when the reference [3,H,W] is its own SDR source, or shows another light altogether."""
    luma = luminance(sdr, BT709_LUMA)
    if np.abs(signal - sdr).mean() < SAME_AS_SDR and luma.std() > LEAST_CONTRAST:
        raise UserError(f"{path} has the codes of its SDR source; it is no PQ picture, name the HDR master")
    code = float(np.median(luma))
    if code <= SDR_SEEN:
        return
    expected = SDR_WHITE_NITS * code**SDR_GAMMA
    median = float(np.median(luminance(pq.eotf(signal), BT2020_LUMA)))
    if not expected / FARTHEST_FROM_SDR < median < expected * FARTHEST_FROM_SDR:
        raise UserError(
            f"{path} would have a median of {median:.2g} cd/m2 in PQ, where its SDR source has {expected:.0f}; it "
            "seems to have another transfer, or to be linear light"
        )


def _nits(code: float) -> float:
    return float(pq.eotf(np.array(code, dtype=np.float64)))
