"""Two recordings of the same pictures: how far one is later than the other, and what of each both show."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumaflux.media.scaling import reduce_area

_SIDE = 48  # pixels of a picture that is compared
_LATEST = 48  # frames
_BAR = 0.02  # of the range: what a line of a bar varies at most
_SAME_SHAPE = 0.02  # of the aspect ratio

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Box:
    """Shares of a picture: where it begins, and how much of it there is."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Match:
    """``correlation`` of ranks, from -1 to 1, of what ``first`` and ``second`` leave of both pictures."""

    correlation: float
    first: Box
    second: Box


def matched(first: Plane, second: Plane) -> Match:
    """Two planes [H,W] -> the boxes, without black bars and of one shape, that agree best, whole pictures first."""
    best = Match(correlation=rank_correlation(first, second), first=Box(), second=Box())
    inner = [_picture(plane) for plane in (first, second)]
    boxes = [(inner[0], inner[1]), _of_one_shape(first, inner[0], second, inner[1])]
    for one, other in boxes:
        found = rank_correlation(crop(first[None], one)[0], crop(second[None], other)[0])
        if found > best.correlation + 0.01:
            best = Match(correlation=found, first=one, second=other)
    return best


def offset_of(first: Sequence[Plane], second: Sequence[Plane]) -> int:
    """Frames that the second recording is later: that at which pictures agree most, 0 where none is better.

    Pictures are compared by the ranks of their pixels, which no monotone curve changes.
    """
    ones, others = (np.stack([_ranks(plane) for plane in planes]) for planes in (first, second))
    best, chosen = -np.inf, 0
    for shift in sorted(range(-_LATEST, _LATEST + 1), key=abs):
        start, stop = max(0, -shift), min(len(ones), len(others) - shift)
        if stop - start < max(1, min(len(ones), len(others)) // 2):
            continue
        agreement = float((ones[start:stop] * others[start + shift : stop + shift]).sum(axis=1).mean())
        if agreement > best + 1e-4:
            best, chosen = agreement, shift
    return chosen


def rank_correlation(first: Plane, second: Plane) -> float:
    """Spearman's, of two planes [H,W] of any size at 48x48; 0 where one is flat."""
    return float((_ranks(first) * _ranks(second)).sum())


def crop(picture: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
    """[C,H,W] cut to a box."""
    height, width = picture.shape[1:]
    left, top = round(box.left * width), round(box.top * height)
    right, bottom = round((box.left + box.width) * width), round((box.top + box.height) * height)
    return picture[:, top : max(bottom, top + 1), left : max(right, left + 1)]


def thumbnail(plane: Plane) -> Plane:
    """[H,W] -> [48,48], which ranks are taken of."""
    small = reduce_area(plane[None], min(_SIDE, plane.shape[1]), min(_SIDE, plane.shape[0]))[0]
    rows, columns = (np.arange(_SIDE) * side // _SIDE for side in small.shape)
    return np.ascontiguousarray(small[rows][:, columns])


def _ranks(plane: Plane) -> NDArray[np.float64]:
    """Of its pixels at 48x48, with mean 0 and length 1; ties share their mean rank."""
    _, places, counts = np.unique(thumbnail(plane).ravel(), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places.ravel()]
    ranks = ranks - ranks.mean()
    length = float(np.linalg.norm(ranks))
    return ranks / length if length > 0 else ranks


def _picture(plane: Plane) -> Box:
    """Without bars: lines at the sides that are flat and as dark as the darkest."""
    dark = float(plane.min()) + _BAR
    rows, columns = (np.flatnonzero(plane.max(axis=axis) > dark) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return Box()
    height, width = plane.shape
    return Box(
        columns[0] / width, rows[0] / height, (columns[-1] + 1 - columns[0]) / width, (rows[-1] + 1 - rows[0]) / height
    )


def _of_one_shape(first: Plane, one: Box, second: Plane, other: Box) -> tuple[Box, Box]:
    """The taller or wider of both is cut around its middle to the other's shape."""
    shapes = [
        box.width * plane.shape[1] / (box.height * plane.shape[0]) for box, plane in ((one, first), (other, second))
    ]
    if abs(shapes[0] / shapes[1] - 1) < _SAME_SHAPE:
        return one, other
    if shapes[0] < shapes[1]:
        return _narrowed(one, shapes[0], shapes[1]), other
    return one, _narrowed(other, shapes[1], shapes[0])


def _narrowed(box: Box, shape: float, wanted: float) -> Box:
    height = box.height * shape / wanted
    return Box(box.left, box.top + (box.height - height) / 2, box.width, height)
