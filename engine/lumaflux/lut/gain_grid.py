"""The light of a shot's clipped areas as a grid of stops, for players: what the tone of a code alone cannot hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from lumaflux.inference.active_area import WHOLE, Area
from lumaflux.inference.composition import Enlargement, with_gain
from lumaflux.inference.detail import clipping
from lumaflux.inference.highlights import LARGEST_RECOVERY
from lumaflux.inference.tone import Tone
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

_LEAST = 0.01  # stops: a grid with less is none


@dataclass(frozen=True, kw_only=True)
class ShotGrid:
    """``stops`` [h,w] from 0 to LARGEST_RECOVERY, over ``area`` of the frame; they hold where the source is clipped."""

    stops: NDArray[np.float32]
    area: Area

    def times(self, share: float) -> "ShotGrid":
        return replace(self, stops=self.stops * np.float32(share))


def grid_of(codes: NDArray[np.float32], converter: "Converter", tone: Tone, settings: Settings) -> ShotGrid | None:
    """Of one frame [3,H,W]; None where nothing is added to it, and for a model whose light is not of clipped areas."""
    if not converter.recovers or settings.detail == 0.0:
        return None
    light, _ = converter.light_timed(codes, settings, tone=tone)
    stops = settings.highlight_recovery * settings.strength * light.gain[0, 0]
    if float(stops.max()) < _LEAST:
        return None
    return ShotGrid(stops=np.asarray(stops.clamp(0, LARGEST_RECOVERY).cpu(), np.float32), area=tone.area or WHOLE)


def mean_grid(grids: Sequence[ShotGrid | None]) -> ShotGrid | None:
    """Of frames of one shot, whose area is one; None counts as no light. None where no frame has any."""
    there = [grid for grid in grids if grid is not None]
    if not there:
        return None
    total = np.sum([grid.stops for grid in there], axis=0, dtype=np.float32)
    return replace(there[0], stops=total / np.float32(len(grids)))


@torch.inference_mode()
def with_grid(shown: NDArray[np.float32], codes: NDArray[np.float32], grid: ShotGrid) -> NDArray[np.float32]:
    """PQ [3,H,W] out of a table, and the codes that it was asked for -> the same with the grid's light."""
    rows, columns = grid.area.box(*codes.shape[1:])
    active = torch.from_numpy(np.ascontiguousarray(codes[:, rows, columns]))[None]
    height, width = active.shape[-2:]
    stops = Enlargement(torch.from_numpy(grid.stops)[None, None], height, width, "bilinear").rows(0, height)
    base = torch.from_numpy(np.ascontiguousarray(shown[:, rows, columns]))[None]
    lit = np.array(shown)
    lit[:, rows, columns] = with_gain(base, (clipping(active) * stops).expand(-1, 3, -1, -1))[0].numpy()
    return lit
