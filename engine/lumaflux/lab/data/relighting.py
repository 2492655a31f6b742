"""Other light for the same scene: contrast, level and tint of masters, so that few scenes give many distributions."""

import torch
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.primaries import luminance
from lumaflux.lab.data.draws import rand, uniform
from lumaflux.lab.data.mastering import shoulder

_FLOOR_NITS = 0.005
_CONTRAST = (0.8, 1.25)  # exponent on luminance around its log-average
_LEVEL = 0.4  # stops either way, around the mastering convention
_FAR_LEVEL, _FAR_SHARE = (-1.0, 2.2), 0.5  # stops, and how many: other masters are graded brighter than the convention
_TINT = (0.15, 0.05, 0.2)  # stops of R, G, B either way


def relight(hdr_pq: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """PQ/BT.2020 masters [B,3,H,W], a ``share`` of them changed, all at most PQ(1000 nit)."""
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
