"""Fades and dissolves: stretches of frames that mix one held picture with another, found on thumbnails of luma.

While a dissolve lasts, every frame lies on the line between the frames around it, moves along it one way, and has less
detail than they: the edges of both are half as strong. Of a pan or of motion that is not so, and of a change of
brightness both ends show one structure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lumaflux.color.primaries import BT709_LUMA, luminance


class Thumbnail(NamedTuple):
    """``luma`` [_ROWS * _COLUMNS], averaged; ``detail``: mean square of the steps between neighbouring pixels."""

    luma: NDArray[np.float16]
    detail: float


_ROWS, _COLUMNS = 9, 16
_LENGTHS = (6, 10, 16, 24, 36, 54, 80)  # frames: a window holds a transition whose mixed part is not much shorter
_SEEN = 0.04  # mean change of luma from a frame to the next, as a cut has at least
_LEAST = 0.03  # mean change of luma between the ends
_OFF_LINE = 0.35  # of that change: mean distance of a frame from the line
_BACK = 0.12  # of the way, which noise may go back
_JUMP = 0.45  # of the way in one frame is a cut
_HELD = 0.25  # of that change, in two frames beyond an end
_DETAIL = 0.75  # of the mean of both ends, which has half way at most; without motion blur and grain it is 0.5
_SAME = 0.8  # correlation of one structure under two lights
_FLAT = 0.02  # spread of luma of a black or a white frame
_ALIKE = 0.1  # of a change: what counts as the same
_MIXED = 0.04  # of the way: what is nearer to an end is held


@dataclass(frozen=True)
class Transition:
    """Frames ``first`` to ``last``, all of them mixed; a ``fade-out`` ends, and a ``fade-in`` begins, in one tone."""

    first: int
    last: int
    kind: Literal["dissolve", "fade-out", "fade-in"]


def thumbnail(signal: NDArray[np.float32]) -> Thumbnail:
    """``signal``: non-linear R'G'B' [3,H,W] in [0,1]. Those of a clip must have one size."""
    luma = luminance(signal, BT709_LUMA)[0]
    rows = _averaged(luma, min(_ROWS, luma.shape[0]))
    small = _averaged(rows.T, min(_COLUMNS, luma.shape[1])).T
    steps = (np.diff(luma, axis=axis) for axis in (0, 1))
    detail = sum(float((step * step).mean()) for step in steps if step.size)
    return Thumbnail(luma=small.reshape(-1).astype(np.float16), detail=detail)


def step_between(before: Thumbnail, after: Thumbnail, histograms: float) -> float:
    """How far a frame is from the next, in [0,1], as lumaflux.media.video.shots judges it, from the ``change`` of their
    ``histograms``: less where hardly anything changes place or light, more where the structure is another."""
    one, other = before.luma.astype(np.float32), after.luma.astype(np.float32)
    seen = min(1.0, float(np.abs(other - one).mean()) / _SEEN)
    spread = float(one.std() * other.std())
    alike = float(((one - one.mean()) * (other - other.mean())).mean()) / spread if spread > 0 else 1.0
    return seen * max(histograms, (1 - alike) / 2)


def find_transitions(thumbnails: Sequence[Thumbnail]) -> list[Transition]:
    """Those of a clip, in order; none overlap. ``thumbnails`` of all its frames."""
    seen = np.asarray([one.luma for one in thumbnails], dtype=np.float32)
    detail = np.asarray([one.detail for one in thumbnails])
    found: list[tuple[tuple[int, float], Transition]] = []
    for length in _LENGTHS:
        for start in range(0, len(seen) - length, max(1, length // 8)):
            found += _between(seen, detail, start, start + length)
    chosen: list[Transition] = []
    for _, one in sorted(found, key=lambda pair: pair[0]):
        if all(one.last < other.first - 1 or other.last < one.first - 1 for other in chosen):
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.first)


def _between(
    seen: NDArray[np.float32], detail: NDArray[np.float64], start: int, stop: int
) -> list[tuple[tuple[int, float], Transition]]:
    """The transition between two held frames, if there is one, after its rank: smallest for the best of those that
    overlap. That of the largest change is whole, and of two such the nearer to its line is the better."""
    begins, ends = seen[start], seen[stop]
    way = ends - begins
    change = float(np.abs(way).mean())
    if change < _LEAST:
        return []
    before, after = seen[max(0, start - 2)], seen[min(len(seen) - 1, stop + 2)]
    if max(np.abs(before - begins).mean(), np.abs(after - ends).mean()) > _HELD * change:
        return []
    inside = seen[start : stop + 1] - begins
    place = inside @ way / float(way @ way)
    steps = np.diff(place)
    if steps.max() > _JUMP or steps.min() < -_BACK:
        return []
    off = float(np.abs(inside - place[:, None] * way).mean(axis=1).max()) / change
    kind = _kind(begins, ends)
    mixed = np.flatnonzero((place > _MIXED) & (place < 1 - _MIXED))
    middle = start + int(np.abs(place - 0.5).argmin())
    sharp = detail[middle] > _DETAIL * (detail[start] + detail[stop]) / 2
    if off > _OFF_LINE or kind is None or len(mixed) < 2 or (sharp and kind == "dissolve"):
        return []
    rank = -round(float(np.log(change)) / _ALIKE), off
    return [(rank, Transition(start + int(mixed[0]), start + int(mixed[-1]), kind))]


def _kind(begins: NDArray[np.float32], ends: NDArray[np.float32]) -> Literal["dissolve", "fade-out", "fade-in"] | None:
    spreads = float(begins.std()), float(ends.std())
    if min(spreads) < _FLAT:
        if max(spreads) < 2 * _FLAT:
            return None
        return "fade-out" if spreads[1] < spreads[0] else "fade-in"
    alike = float(((begins - begins.mean()) * (ends - ends.mean())).mean()) / (spreads[0] * spreads[1])
    return None if alike > _SAME else "dissolve"


def _averaged(lines: NDArray[np.float32], count: int) -> NDArray[np.floating]:
    ends = np.linspace(0, len(lines), count + 1).round().astype(int)
    return np.add.reduceat(lines, ends[:-1], axis=0) / np.diff(ends)[:, None]
