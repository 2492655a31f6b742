"""The active picture area: what of a frame is picture, and what are black bars around it. Found without learning.

A bar is dark and ends in a straight line, where most of the picture's columns (or rows) turn light at once; subtitles
and logos in it cover the smaller part of its lines. The shadows of a dark scene end at another line in every column,
and a line of credits has dark lines below it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lumaflux.color.primaries import BT709_LUMA, luminance
from lumaflux.color.sdr_to_pq import sdr_to_pq

Picture = TypeVar("Picture", Tensor, NDArray[np.uint8])

_SAMPLES = 160  # across a side
_BLACKEST = 32.0  # codes of 255: narrow-range black read as full range is 16, read as sRGB too it is 28
_STEPS = (1.5, 4.0, 8.0, 16.0)  # codes above the bar at which picture may begin: exact bars, and those that rang
_QUIET = 4  # lines that must be dark before picture begins
_SHARP = 3  # lines within which it begins
_STRAIGHT = 0.5  # of the columns that show anything must begin there
_FILLED = 0.5  # of those columns light in one line: no bar reaches beyond it
_INSIDE = 0.3  # of the picture next to a bar must be light: a ruled line is no picture
_DEPTH = 0.04  # of a side: how far that is looked at
_BELOW, _GAP = 0.16, 0.02  # of a side, and of the columns: lines of text have dark lines between them, a picture none
_RINGING = 8  # lines beside the picture that a codec disturbs
_FLAT, _FAINT = 0.5, 0.1  # of a bar: at least at its level, and at most neither that nor written over it
_LEAST_BAR = 0.004  # of a side, and two lines
_LEAST_SIDE, _LEAST_AREA = 0.28, 0.2  # of the frame: upright video in a wide frame has 0.32 of both
BAR_NOISE = 8 / 255  # above a bar's level, what is still bar
_ROUNDING = 1e-6
_SIDES = ("top", "bottom", "left", "right")


@dataclass(frozen=True, kw_only=True)
class Area:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right`` as fractions of a frame's sides, so that a reduced
    frame has the same."""

    top: float = 0.0
    bottom: float = 1.0
    left: float = 0.0
    right: float = 1.0

    def box(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of a frame of that size; a line that is bar in part is left out. Never empty."""
        return _inner(self.top, self.bottom, height), _inner(self.left, self.right, width)

    def of(self, picture: Tensor) -> Tensor:
        """The area's part of [...,H,W], contiguous."""
        return picture[..., *self.box(picture.shape[-2], picture.shape[-1])].contiguous()

    def within(self, other: Self) -> Self:
        """What lies in both; the other's if nothing does."""
        area = replace(
            self,
            top=max(self.top, other.top),
            bottom=min(self.bottom, other.bottom),
            left=max(self.left, other.left),
            right=min(self.right, other.right),
        )
        return area if area.top < area.bottom and area.left < area.right else other

    def bars(self, height: int, width: int) -> list[tuple[slice, slice]]:
        """Rows and columns of the bars around it, which share no pixel; those of no pixel are left out."""
        rows, columns = self.box(height, width)
        whole = slice(0, width)
        around = [(slice(0, rows.start), whole), (slice(rows.stop, height), whole)]
        around += [(rows, slice(0, columns.start)), (rows, slice(columns.stop, width))]
        return [(down, across) for down, across in around if down.start < down.stop and across.start < across.stop]


WHOLE = Area()


@dataclass(frozen=True, kw_only=True)
class Side:
    """What frames say of a bar at one side, in lines: its ``edge`` if they show one, the first line that is surely
    picture (``limit``), and up to where it is as dark as a bar (``dark``)."""

    edge: int | None
    limit: int
    dark: int

    def with_(self, other: "Side") -> "Side":
        edges = [side.edge for side in (self, other) if side.edge is not None]
        return replace(
            self, edge=min(edges, default=None), limit=min(self.limit, other.limit), dark=min(self.dark, other.dark)
        )


_PICTURE = Side(edge=None, limit=0, dark=0)


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What a frame, or several of one size, show of their bars."""

    height: int
    width: int
    top: Side
    bottom: Side
    left: Side
    right: Side

    def with_(self, other: Self) -> Self:
        """What both show together: the smaller bar at every side."""
        sides = {side: getattr(self, side).with_(getattr(other, side)) for side in _SIDES}
        return replace(self, **sides)

    @property
    def unbarred(self) -> bool:
        """Whether picture reaches all four sides, so that no other frame of the shot can show a bar."""
        sides = ((self.top, self.height), (self.bottom, self.height), (self.left, self.width), (self.right, self.width))
        return all(side.limit < _least_bar(length) for side, length in sides)


def sighting_of(sdr: Tensor) -> Sighting:
    """What an SDR frame [3,H,W] in [0,1] shows of its bars."""
    return sighting_in(sdr, lambda part: part)


def sighting_in(picture: Picture, sdr_of: Callable[[Picture], Tensor]) -> Sighting:
    """The same of an array [...,H,W] whose parts ``sdr_of`` makes pictures of: few samples of its lines are looked at,
    and of a side that is not dark one line."""
    height, width = picture.shape[-2:]
    across, down = max(1, width // _SAMPLES), max(1, height // _SAMPLES)
    from_top, from_left = picture[..., ::across], picture[..., ::down, :].swapaxes(-1, -2)

    def side(lines: Picture, *, last: bool = False) -> Side:
        count = lines.shape[-2]
        if count < 2 * _QUIET or not _dark(sdr_of(lines[..., -1:, :] if last else lines[..., :1, :])):
            return _PICTURE
        return _side(_codes(sdr_of(lines))[:: -1 if last else 1])

    return Sighting(
        height=height,
        width=width,
        top=side(from_top),
        bottom=side(from_top, last=True),
        left=side(from_left),
        right=side(from_left, last=True),
    )


def area_of(seen: Sighting) -> Area:
    """The active area that is seen. A side that shows no edge of a bar has none, or, where it is dark and the side
    across has one, the same."""
    height, width = seen.height, seen.width
    top, bottom = _bar(seen.top, seen.bottom, height), _bar(seen.bottom, seen.top, height)
    left, right = _bar(seen.left, seen.right, width), _bar(seen.right, seen.left, width)
    rows, columns = 1 - (top + bottom) / height, 1 - (left + right) / width
    if min(rows, columns) < _LEAST_SIDE or rows * columns < _LEAST_AREA:
        return WHOLE
    return Area(top=top / height, bottom=1 - bottom / height, left=left / width, right=1 - right / width)


def find_area(sdr: Tensor) -> Area:
    """The active area of one SDR frame [3,H,W] in [0,1]."""
    return area_of(sighting_of(sdr))


def without_bars(sdr: Tensor, area: Area) -> Tensor:
    """SDR [B,3,H,W] with bars of exact code 0; what is written in them stays, and the active area is untouched."""
    bars = area.bars(sdr.shape[-2], sdr.shape[-1])
    if not bars:
        return sdr
    cleaned = sdr.clone()
    for frame in cleaned:
        codes = torch.cat([luminance(frame[:, *bar], BT709_LUMA)[..., ::4, ::4].flatten() for bar in bars])
        black = (codes.median() + BAR_NOISE).clamp(max=0.5)
        for bar in bars:
            frame[:, *bar] = ((frame[:, *bar] - black) / (1 - black)).clamp(min=0)
    return cleaned


def in_frame(active_pq: Tensor, cleaned: Tensor, area: Area) -> Tensor:
    """PQ of the active area [B,3,h,w] in its frame, beside bars of SDR ``cleaned`` [B,3,H,W] by ``without_bars``.

    What is written in bars is graphics, and lies at reference white (ITU-R BT.2408).
    """
    height, width = cleaned.shape[-2:]
    bars = area.bars(height, width)
    if not bars:
        return active_pq
    whole = active_pq.new_empty(*active_pq.shape[:2], height, width)
    whole[:, :, *area.box(height, width)] = active_pq
    for bar in bars:
        whole[:, :, *bar] = sdr_to_pq(cleaned[:, :, *bar]).to(active_pq)
    return whole


def _codes(sdr: Tensor) -> NDArray[np.float32]:
    return 255 * luminance(sdr, BT709_LUMA)[0].float().cpu().numpy()


def _dark(line: Tensor) -> bool:
    return float(np.median(_codes(line))) <= _BLACKEST


def _side(lines: NDArray[np.float32]) -> Side:
    """Of codes [lines parallel to the side, samples along it], whose first line is the side."""
    level = float(np.median(lines[0]))
    found = [_edge(lines > level + step) for step in _STEPS]
    edges = [(share, edge) for share, edge, _ in found if edge is not None and _flat(lines[:edge] - level)]
    best = max(edges)[1] if edges else None
    return Side(edge=best, limit=found[-1][2], dark=found[1][2])


def _flat(bar: NDArray[np.float32]) -> bool:
    """Whether codes above a bar's level are those of a bar: one level, and at most the smaller part written over."""
    codes = np.abs(bar[: max(_QUIET, len(bar) - _RINGING)])
    faint = (codes > _STEPS[1]) & (codes <= _STEPS[-1])
    return bool((codes <= _STEPS[1]).mean() >= _FLAT and faint.mean() <= _FAINT)


def _edge(light: NDArray[np.bool_]) -> tuple[float, int | None, int]:
    """The share of columns that begin at the first straight edge; its line; and the first line that is filled."""
    light = light[:, light.any(axis=0)]
    count, columns = light.shape
    if columns == 0:
        return 0.0, None, count
    filled = np.flatnonzero(np.count_nonzero(light, axis=1) > _FILLED * columns)
    limit = int(filled[0]) if len(filled) else count
    depth = max(_SHARP, round(_DEPTH * count))
    filling = light.mean(axis=1)
    light = light[: limit + _SHARP + depth]
    after = np.concatenate([np.zeros((_QUIET, columns), bool), light])
    quiet = ~np.logical_or.reduce([after[shift : shift + len(light)] for shift in range(_QUIET)])
    begins = np.count_nonzero(light & quiet, axis=1) / columns
    begins[0] = 0.0
    near = np.convolve(begins, np.ones(_SHARP))[_SHARP - 1 :]  # of the line and the two after it
    straight = np.flatnonzero(near[: limit + 1] >= _STRAIGHT)
    if not len(straight):
        return 0.0, None, limit
    first = int(straight[0])
    edge = first + int(np.argmax(begins[first : first + _SHARP]))
    if edge < _least_bar(count) or light[edge : edge + depth].mean() < _INSIDE:
        return 0.0, None, limit
    if filling[edge : edge + round(_BELOW * count)].min() < _GAP:
        return 0.0, None, limit
    return float(near[first]), edge, limit


def _least_bar(length: int) -> int:
    return max(2, round(_LEAST_BAR * length))


def _bar(side: Side, across: Side, length: int) -> int:
    edge = side.edge
    if edge is None and across.edge is not None and side.dark >= across.edge:
        edge = across.edge
    bar = 0 if edge is None else min(edge, side.limit)
    return bar if bar >= _least_bar(length) else 0


def _inner(start: float, stop: float, length: int) -> slice:
    first = min(int(np.ceil(start * length - _ROUNDING)), length - 1)
    return slice(first, max(first + 1, int(np.floor(stop * length + _ROUNDING))))
