"""Sheets: rectangles of paper of one level with lines of dark letters on them, such as pages and windows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lumaflux.inference.text_lines import LIGHT, Codes, Line, Sampling

PAPER = 6  # codes that paper may be off its level
_ON_PAPER = 0.4  # of a line's box: paper between and around its letters
_BLOCK = 8  # rows of samples: in squares of that side a sheet is followed
_COVERED = 0.5  # of a block by paper
_GOES_ON = 0.6  # of the blocks beside a sheet are paper: it reaches there
_BETWEEN = 2  # blocks that letters may hide
_CLOSED = 0.75  # of what lies around a sheet is something else, or beyond the frame
_LEAST_LETTERS = 10


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """``rows`` and ``columns`` of a frame, in pixels, with a block's margin; ``level``, codes of its paper."""

    rows: slice
    columns: slice
    level: float
    certainty: float


@dataclass(frozen=True, kw_only=True)
class _Box:
    top: int
    bottom: int
    left: int
    right: int

    def holds(self, other: "_Box") -> bool:
        return (
            self.top < other.bottom and other.top < self.bottom and self.left < other.right and other.left < self.right
        )


def sheets_of(luma: Codes, lines: Sequence[Line], sampling: Sampling) -> Iterator[Sheet]:
    """The sheets that lines of dark letters stand on, in the samples of a frame."""
    across = max(1, _BLOCK * sampling.down // sampling.across)  # columns of samples in a block's side
    side = _BLOCK * sampling.down
    levels = [_paper_level(luma, line) for line in lines]
    boxes = [_box(line, across) for line in lines]
    left = sorted((i for i, level in enumerate(levels) if level), key=lambda i: -lines[i].letters)
    while left:
        level = levels[left[0]]
        paper = np.abs(luma.astype(np.int16) - round(level)) <= PAPER
        covered = _blocks(paper, _BLOCK, across) >= _COVERED
        for box in boxes:
            covered[box.top : box.bottom, box.left : box.right] = True
        sheet = _grown(boxes[left[0]], covered)
        own = [i for i in left if i == left[0] or sheet.holds(boxes[i])]
        left = [i for i in left if i not in own]
        if sum(lines[i].letters for i in own) >= _LEAST_LETTERS and _closed(sheet, covered) >= _CLOSED:
            yield Sheet(
                rows=slice(max(0, sheet.top - 1) * side, (sheet.bottom + 1) * side),
                columns=slice(max(0, sheet.left - 1) * side, (sheet.right + 1) * side),
                level=float(np.median([levels[i] for i in own])),
                certainty=max(lines[i].certainty for i in own),
            )


def _paper_level(luma: Codes, line: Line) -> float:
    """Codes of the paper that a line stands on; 0 where it stands on none."""
    box = luma[line.top : line.bottom, line.left : line.right]
    light = box[box >= LIGHT]
    level = float(np.median(light)) if light.size else 0.0
    on_paper = np.mean(np.abs(box.astype(np.int16) - round(level)) <= PAPER)
    return level if on_paper >= _ON_PAPER else 0.0


def _box(line: Line, across: int) -> _Box:
    return _Box(
        top=line.top // _BLOCK,
        bottom=-(-line.bottom // _BLOCK),
        left=line.left // across,
        right=-(-line.right // across),
    )


def _grown(start: _Box, covered: NDArray[np.bool_]) -> _Box:
    """The rectangle around a line as far as there is paper on all of a side; a row of letters may lie between."""
    height, width = covered.shape
    box, before = start, None
    while box != before:
        before = box
        for step in range(1, _BETWEEN + 2):
            top, bottom, left, right = box.top - step, box.bottom + step - 1, box.left - step, box.right + step - 1
            rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
            if top >= 0 and covered[top, columns].mean() >= _GOES_ON:
                box = replace(box, top=top)
            if bottom < height and covered[bottom, columns].mean() >= _GOES_ON:
                box = replace(box, bottom=bottom + 1)
            if left >= 0 and covered[rows, left].mean() >= _GOES_ON:
                box = replace(box, left=left)
            if right < width and covered[rows, right].mean() >= _GOES_ON:
                box = replace(box, right=right + 1)
    return box


def _closed(box: _Box, covered: NDArray[np.bool_]) -> float:
    """The share of a rectangle's border beyond which there is no more paper; a side may end within a block."""
    wide = np.pad(covered, 2)
    top, bottom, left, right = box.top + 2, box.bottom + 2, box.left + 2, box.right + 2
    around = [
        wide[top - 2 : top, left:right].all(axis=0),
        wide[bottom : bottom + 2, left:right].all(axis=0),
        wide[top:bottom, left - 2 : left].all(axis=1),
        wide[top:bottom, right : right + 2].all(axis=1),
    ]
    return 1 - float(np.concatenate(around).mean())


def _blocks(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.float64]:
    """The share of each block that is inside; the last ones go on beyond the border as they end there."""
    height, width = mask.shape
    whole = np.pad(mask, ((0, -height % rows), (0, -width % columns)), mode="edge")
    return whole.reshape(whole.shape[0] // rows, rows, -1, columns).mean(axis=(1, 3))
