"""The mastering convention: from relative scene light to a PQ/BT.2020 master of at most 1000 nit; and masters as they
are beyond it, at drawn exposures and in other light.

Scene-referred material: the log-average of the central 98 % of pixel luminances lies at 20 nit. Then identity up to
600 nit on max(R,G,B) and an exponential shoulder above it, colour ratios kept.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.arrays import Array, namespace
from lumaflux.color.primaries import BT709, BT2020, apply_matrix, luminance, rgb_to_rgb
from lumaflux.lab.data.draws import happens, rand, uniform

LOG_AVERAGE_NITS = 20.0
SHOULDER_NITS = 600.0  # k: identity below
SHOULDER_RANGE_NITS = 400.0  # r: the shoulder approaches k + r
PEAK_NITS = SHOULDER_NITS + SHOULDER_RANGE_NITS

# How bright a scene is: nights, rooms, overcast and snow, as authors expose them.
_NEAR_SHARE, _NEAR_DEVIATION = 0.3, 0.35  # around the convention, 20 cd/m2: stops
_MEAN, _DEVIATION = 0.5, 1.4  # stops over it, of the rest
_NIGHT, _SNOW = -1.5, 0.6  # stops more
NIGHTS = ("night", "moon", "streetlamp", "alley", "neon")
BRIGHT = ("snow", "beach", "mondello", "noon", "desert")

# Other light for the same scene, so that few scenes give many distributions.
_FLOOR_NITS = 0.005
_CONTRAST = (0.8, 1.25)  # exponent on luminance around its log-average
_LEVEL = 0.4  # stops either way, around the mastering convention
_FAR_LEVEL, _FAR_SHARE = (-1.0, 2.2), 0.5  # stops, and how many: other masters are graded brighter than the convention
_TINT = (0.15, 0.05, 0.2)  # stops of R, G, B either way


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


def exposed(scene_pq: Tensor, scene: str, generator: torch.Generator) -> Tensor:
    """A scene's light [B,3,H,W], PQ of a log-average of 20 cd/m2 without shoulder -> its master at a drawn exposure."""
    if happens(_NEAR_SHARE, generator):
        stops = _NEAR_DEVIATION * float(torch.randn((), generator=generator))
    else:
        stops = _MEAN + _DEVIATION * float(torch.randn((), generator=generator))
        stops += _NIGHT * any(word in scene for word in NIGHTS) + _SNOW * any(word in scene for word in BRIGHT)
    return at_exposure(scene_pq, stops)


def at_exposure(scene_pq: Tensor, stops: float) -> Tensor:
    """A scene's light ``stops`` brighter, as a master of at most 1000 cd/m2."""
    return pq.inverse_eotf(shoulder(pq.eotf(scene_pq) * 2.0**stops))


def relight(hdr_pq: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """PQ/BT.2020 masters [B,3,H,W], a ``share`` of them in other contrast, level and tint, at most PQ(1000 nit)."""
    column = (len(hdr_pq), 1, 1, 1)
    nits = pq.eotf(hdr_pq).clamp(min=_FLOOR_NITS)
    y = luminance(nits)
    average = y.log().mean(dim=(2, 3), keepdim=True).exp()
    gain = (y / average) ** (uniform(column, *_CONTRAST, generator) - 1)
    far = rand(column, generator) < _FAR_SHARE
    near = uniform(column, -_LEVEL, _LEVEL, generator)
    gain = gain * torch.exp2(torch.where(far, uniform(column, *_FAR_LEVEL, generator), near))
    tint = torch.cat([uniform(column, -stops, stops, generator) for stops in _TINT], dim=1)
    changed = pq.inverse_eotf(shoulder(nits * gain * torch.exp2(tint)))
    chosen = rand(column, generator) < share
    return torch.where(chosen, changed, hdr_pq)
