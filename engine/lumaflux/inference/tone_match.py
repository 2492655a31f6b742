"""A tone led to an HDR reference: a smooth, bounded change of its curve, in stops over the light that it makes."""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.model.spline import PEAK_PQ
from lumaflux.model.tone_predictor import ToneCurve, knots_through, place

LEVELS = (-10.0, -8.0, -6.5, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.3)  # stops from 203 cd/m2 of a change's nodes
LARGEST_OF_A_SCENE, LARGEST_OF_A_GRADE = 2.0, 1.0  # stops
_STEEPEST = 0.35  # stops a stop: contrast changes by at most so much, and curves stay monotone
_MID_GREY = LEVELS.index(-3.0)
_SMOOTH = 0.3  # weight of bends, where every level that pixels have weighs 1 in all
_WHITE_NITS = 203.0
_CAP = 0.008  # PQ: how softly brightened light meets the peak
_LEAST_RISE = 1e-6  # PQ a knot

Stops = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """``stops`` at ``LEVELS``, straight between them; ``bounded`` where the reference asked for more."""

    stops: tuple[float, ...]
    bounded: bool = False

    @property
    def at_mid_grey(self) -> float:
        return self.stops[_MID_GREY]

    def of(self, nits: Tensor) -> Tensor:
        """Light in cd/m2 -> the same, led."""
        stops = torch.log2(nits.clamp(min=1e-6) / _WHITE_NITS)
        nodes = torch.tensor(LEVELS, dtype=stops.dtype, device=stops.device)
        values = torch.tensor(self.stops, dtype=stops.dtype, device=stops.device)
        inside = stops.clamp(LEVELS[0], LEVELS[-1])
        after = torch.searchsorted(nodes, inside.contiguous(), right=True).clamp(1, len(LEVELS) - 1)
        share = (inside - nodes[after - 1]) / (nodes[after] - nodes[after - 1])
        return nits * torch.exp2(torch.lerp(values[after - 1], values[after], share))


def stops_of(nits: NDArray[np.floating]) -> Stops:
    """Luminance in cd/m2 -> stops from 203 cd/m2, from the lowest of ``LEVELS`` up."""
    floor = _WHITE_NITS * 2.0 ** LEVELS[0]
    return np.log2(np.maximum(np.asarray(nits, np.float64), floor) / _WHITE_NITS)


def change_of_a_scene(own: Stops, wanted: Stops) -> Change:
    """From the same pixels, as the tone lights them and as the reference has them [N]: the median by level."""
    places = np.digitize(own, np.arange(LEVELS[0] + 0.5, LEVELS[-1], 0.5))
    found = [(own[there], wanted[there]) for there in (places == place for place in np.unique(places))]
    kept = [(np.median(one), np.median(other), len(one)) for one, other in found if len(one) >= 0.002 * len(own)]
    levels, aims, counts = (np.array(column) for column in zip(*kept, strict=True))
    return _fitted(levels, aims - levels, np.sqrt(counts), LARGEST_OF_A_SCENE)


def change_of_a_grade(own: Stops, wanted: Stops) -> Change:
    """From the luminance of two different pictures [N], [M]: where the percentiles of each lie."""
    percentiles = np.linspace(3, 97, 48)
    levels, aims = np.percentile(own, percentiles), np.percentile(wanted, percentiles)
    return _fitted(levels, aims - levels, np.ones_like(levels), LARGEST_OF_A_GRADE)


def _fitted(levels: Stops, changes: Stops, weights: Stops, largest: float) -> Change:
    """The smooth change nearest to ``changes`` at ``levels``, within bounds."""
    nodes = np.array(LEVELS)
    hats = np.stack([np.interp(levels, nodes, row) for row in np.eye(len(nodes))], axis=1)
    scale = np.sqrt(weights / weights.sum())[:, None]
    bends = np.diff(np.diff(np.eye(len(nodes)), axis=0) / np.diff(nodes)[:, None], axis=0)
    flat = 0.05 * np.diff(np.eye(len(nodes)), axis=0)  # beyond the levels that are there the change goes on level
    system = np.concatenate([scale * hats, np.sqrt(_SMOOTH) * 0.2 * bends, flat])
    aims = np.concatenate([scale[:, 0] * changes, np.zeros(len(bends) + len(flat))])
    asked = np.linalg.lstsq(system, aims, rcond=None)[0]
    stops = np.clip(asked, -largest, largest)
    for order in (range(_MID_GREY + 1, len(nodes)), range(_MID_GREY - 1, -1, -1)):
        for node in order:
            near = node - 1 if node > _MID_GREY else node + 1
            reach = _STEEPEST * abs(nodes[node] - nodes[near])
            stops[node] = np.clip(stops[node], stops[near] - reach, stops[near] + reach)
    bounded = bool(np.abs(np.interp(levels, nodes, asked - stops)).max() > 0.1)
    return Change(tuple(stops.tolist()), bounded)


def luminance_of(codes: Tensor, placement: ToneCurve) -> Tensor:
    """SDR [1,3,H,W] -> luminance [1,1,H,W] in cd/m2 that a placement makes of it."""
    return luminance(pq.eotf(place(codes, placement)), BT2020_LUMA)


def led(placement: ToneCurve, change: Change) -> ToneCurve:
    """The placement whose curve is changed; it stays monotone, ends at the peak or below, and keeps its color."""
    if not any(change.stops):
        return placement
    floor, top, y = placement.floor[:, None], placement.top[:, None], placement.knots.y
    level = (floor + (top - floor) * y)[:, 1:].double()
    wanted = pq.inverse_eotf(change.of(pq.eotf(level)).clamp(0, pq.PQ_PEAK_NITS))
    # What was near the peak by itself is not brought down twice.
    level = (_capped(wanted) + level - _capped(level)).clamp(max=PEAK_PQ + 1)
    level = torch.cummax(level, dim=1).values + _LEAST_RISE * torch.arange(level.shape[1], device=level.device)
    knots, end = knots_through(F.pad(level, (1, 0)))
    knots = replace(knots, **{name: getattr(knots, name).to(y.dtype) for name in ("x", "y", "derivatives")})
    return replace(placement, knots=knots, floor=torch.zeros_like(placement.floor), top=end.to(y.dtype))


def _capped(level: Tensor) -> Tensor:
    return -_CAP * torch.logaddexp(-level / _CAP, torch.full_like(level, -PEAK_PQ / _CAP))
