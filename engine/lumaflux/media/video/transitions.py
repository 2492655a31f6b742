"""Fades and dissolves: stretches of frames that mix one held picture with another, found on thumbnails of luma.

While a dissolve lasts, every frame lies on the line between the frames around it, moves along it one way, and has less
detail than they: the edges of both are half as strong. Of a pan or of motion that is not so, and of a change of
brightness both ends show one structure.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
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
_KEPT = _LENGTHS[-1] + 5  # frames: the longest window with two beyond either end
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
    finder = TransitionFinder()
    for one in thumbnails:
        finder.add(one)
    return finder.all()


_Rank = tuple[int, float, int, int]


class TransitionFinder:
    """Finds the transitions of a clip as its frames come, and tells from where on others may still come."""

    def __init__(self) -> None:
        self.found: list[Transition] = []  # that no frame to come changes, in order
        self._seen: list[Thumbnail] = []  # from frame _begins on
        self._begins = 0
        self._open: list[tuple[_Rank, Transition]] = []

    @property
    def frames(self) -> int:
        return self._begins + len(self._seen)

    def add(self, thumbnail: Thumbnail) -> None:
        """The next frame. A window is looked at once both frames beyond its end are there."""
        self._seen.append(thumbnail)
        self._look_at(self.frames - 3)
        if len(self._seen) > 2 * _KEPT:
            self._begins += len(self._seen) - _KEPT
            del self._seen[:-_KEPT]

    def known_until(self) -> int:
        """The first frame at which a transition may begin that is not in ``found``.

        Those that overlap compete, directly or through others between them, so a group of them is decided once nothing
        that comes can overlap with any.
        """
        coming = self.frames - 1 - _LENGTHS[-1]  # what begins earlier lies in a window that was looked at
        self._decide(coming)
        return min([coming, *(one.first for _, one in self._open)])

    def all(self) -> list[Transition]:
        """Those of the frames so far, as if the clip ended here."""
        whole = copy(self)
        whole.found, whole._open = list(self.found), list(self._open)
        for stop in (self.frames - 2, self.frames - 1):
            whole._look_at(stop)
        whole._decide(self.frames + 2)
        return whole.found

    def _look_at(self, stop: int) -> None:
        for length in _LENGTHS:
            start = stop - length
            if start < 0 or start % max(1, length // 8):
                continue
            begins = max(0, start - 2)
            part = self._seen[begins - self._begins : stop + 3 - self._begins]
            seen = np.asarray([one.luma for one in part], dtype=np.float32)
            detail = np.asarray([one.detail for one in part])
            for rank, one in _between(seen, detail, start - begins, stop - begins):
                moved = replace(one, first=one.first + begins, last=one.last + begins)
                self._open.append(((*rank, length, start), moved))

    def _decide(self, coming: int) -> None:
        """Of every group of overlapping ones that ends before ``coming`` the best ones, which do not overlap."""
        self._open.sort(key=lambda pair: pair[1].first)
        group: list[tuple[_Rank, Transition]] = []
        ends, left = -2, []
        for pair in [*self._open, None]:
            if pair is None or pair[1].first > ends + 1:
                if group and ends >= coming - 1:
                    left += group
                elif group:
                    self.found += _best_of(group)
                group, ends = [], -2
            if pair is not None:
                group.append(pair)
                ends = max(ends, pair[1].last)
        self._open = left


def _best_of(group: list[tuple[_Rank, Transition]]) -> list[Transition]:
    chosen: list[Transition] = []
    for _, one in sorted(group, key=lambda pair: pair[0]):
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
