"""The mastering convention: from relative scene light to a PQ/BT.2020 master of at most 1000 nit.

Scene-referred material: the log-average of the central 98 % of pixel luminances lies at 20 nit. Then identity up to
600 nit on max(R,G,B) and an exponential shoulder above it, colour ratios kept.
"""

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import pq
from lumaflux.color.arrays import Array, namespace
from lumaflux.color.primaries import BT709, BT2020, apply_matrix, luminance, rgb_to_rgb

LOG_AVERAGE_NITS = 20.0
SHOULDER_NITS = 600.0  # k: identity below
SHOULDER_RANGE_NITS = 400.0  # r: the shoulder approaches k + r
PEAK_NITS = SHOULDER_NITS + SHOULDER_RANGE_NITS


def shoulder(nits: Array) -> Array:
    """Light [...,3,H,W] in cd/m2 -> the same below 600, k + r (1 - exp(-(m - k) / r)) on m = max(R,G,B) above."""
    xp = namespace(nits)
    peak = xp.amax(nits, -3)[..., None, :, :]
    over = (peak - SHOULDER_NITS).clip(0.0, None) / SHOULDER_RANGE_NITS
    mapped = SHOULDER_NITS - SHOULDER_RANGE_NITS * xp.expm1(-over)
    return nits * xp.where(peak > SHOULDER_NITS, mapped / peak.clip(SHOULDER_NITS, None), 1.0 + 0.0 * peak)


def exposure_gain(luminance_linear: NDArray[np.float32]) -> float:
    """Factor from relative light to cd/m2: log-average of the central 98 % of the luminances goes to 20 nit.

    Raises ValueError for a black picture.
    """
    flat = np.sort(luminance_linear[luminance_linear > 0], axis=None)
    if flat.size == 0:
        raise ValueError("the picture is black: its exposure is undefined")
    cut = flat.size // 100
    central = flat[cut : flat.size - cut]
    return float(LOG_AVERAGE_NITS / np.exp(np.log(central.astype(np.float64)).mean()))


def to_bt2020(rgb_linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear BT.709 [3,H,W] -> linear BT.2020, not negative."""
    return apply_matrix(rgb_to_rgb(BT709, BT2020), rgb_linear).clip(0.0, None)


def master_gain(rgb_linear: NDArray[np.float32]) -> float:
    """The exposure of a scene-referred picture [3,H,W] in linear BT.2020."""
    return exposure_gain(luminance(rgb_linear))


def master_pq(rgb_linear: NDArray[np.float32], gain: float) -> NDArray[np.float32]:
    """Linear BT.2020 [3,H,W] times ``gain`` (cd/m2 per unit) -> PQ signal of the master, at most PQ(1000 nit)."""
    return np.asarray(pq.inverse_eotf(shoulder(rgb_linear * gain)), dtype=np.float32)
