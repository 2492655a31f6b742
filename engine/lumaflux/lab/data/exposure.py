"""How bright a scene is: exposures of masters as nights, rooms, overcast and snow have them, not one for all."""

import torch
from torch import Tensor

from lumaflux.color import pq
from lumaflux.lab.data.draws import happens
from lumaflux.lab.data.mastering import shoulder

_NEAR_SHARE, _NEAR_DEVIATION = 0.3, 0.35  # around the convention, 20 cd/m2: stops
_MEAN, _DEVIATION = 0.5, 1.4  # stops over it, of the rest
_NIGHT, _SNOW = -1.5, 0.6  # stops more
NIGHTS = ("night", "moon", "streetlamp", "alley", "neon")
BRIGHT = ("snow", "beach", "mondello", "noon", "desert")


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
