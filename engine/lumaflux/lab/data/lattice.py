"""A rendering that runs on the CPU alone as a table of colours, which a device looks up: aces-1.3, by OpenColorIO."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.operators import OPERATORS

TABLES = ("aces-1.3",)
SIDE = 97
_PEAK_NITS = 1000.0
_AT_ONCE = 1 << 18  # colours rendered at a time


def _top() -> float:
    return float(pq.inverse_eotf(torch.tensor(_PEAK_NITS, dtype=torch.float64)))


@cache
def table(operator: str, side: int = SIDE) -> Tensor:
    """SDR signals [3,side,side,side] of ``operator`` at its standard parameters, over R, G, B in PQ to 1000 cd/m2."""
    steps = torch.linspace(0, _top(), side)
    colours = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")).flatten(1)
    parts = [OPERATORS[operator](pq.eotf(part[None, :, None]))[0, :, 0] for part in colours.split(_AT_ONCE, dim=1)]
    return torch.cat(parts, dim=1).clamp(0, 1).view(3, side, side, side)


class Lattice:
    """``operator`` by trilinear interpolation of its table on ``device``.

    Of aces-1.3 with a side of 97: 0.06 codes of 255 off in the mean, 1.2 at the 99th percentile over colours as
    pictures have them (tests/lab/data/test_lattice.py).
    """

    def __init__(self, operator: str, device: torch.device, side: int = SIDE):
        self._table = table(operator, side).to(device)[None]

    def __call__(self, nits: Tensor) -> Tensor:
        """BT.2020 light [B,3,H,W] in cd/m2, up to 1000 -> SDR [B,3,H,W] in [0,1]."""
        batch, _, height, width = nits.shape
        place = (2 * pq.inverse_eotf(nits.clamp(0, _PEAK_NITS)) / _top() - 1).permute(0, 2, 3, 1)
        # the last axis of the table is B, and grid_sample wants the last axis first
        grid = place.flip(-1).reshape(1, 1, batch * height, width, 3)
        found = F.grid_sample(self._table, grid, mode="bilinear", padding_mode="border", align_corners=True)
        return found[0, :, 0].unflatten(1, (batch, height)).transpose(0, 1)


@cache
def lattice(operator: str, device: torch.device) -> Lattice:
    """The table of ``operator`` on ``device``, made once."""
    return Lattice(operator, device)
