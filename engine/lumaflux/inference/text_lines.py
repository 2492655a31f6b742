"""Lines of letters in a picture, found without learning: hard-edged strokes of one level that stand on one baseline.

Light on a dark ground (subtitles, credits, logos), or dark on light paper (pages, windows). A run is a stretch of a row
that is lighter than both of its surroundings within a stroke's width; runs that touch are a letter; letters of one
level, size and stroke beside each other are a line. Lamps, snow and leaves have soft edges, many levels, or no
baseline.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    import lumaflux_native
except ImportError:  # installed without a compiler
    lumaflux_native = None

Codes = NDArray[np.uint8]  # [rows,columns]
Numbers = NDArray[np.float64]

LIGHT = 184  # codes: darker letters and paper stay where any curve puts them
CONTRAST = 56  # codes between a stroke and its surroundings
_EDGE = 3  # samples beside a stroke within which it has ended
_ENDED = 0.35  # of its contrast: what may be left there
_SAME = 7  # codes: a stroke's level from row to row
_WIDEST = 12  # th of a frame's height: a stroke, and the bar of a large letter
_MOST_LETTERS = 600  # that are compared; the largest


@dataclass(frozen=True)
class Rule:
    """Where a stroke may be: codes of at least ``least`` in surroundings of at most ``ground``."""

    least: int
    ground: int


_LIGHT, _DARK = Rule(LIGHT, 255), Rule(0, 255 - LIGHT)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of letters, in samples: rows ``top`` to ``bottom``, columns ``left`` to ``right``, the last ones excluded;
    the number of ``letters`` and their ``height`` in pixels; ``level`` and ``ground``, codes of strokes and of what
    surrounds them; ``certainty`` in [0,1]."""

    top: int
    bottom: int
    left: int
    right: int
    letters: int
    height: float
    level: float
    ground: float
    certainty: float


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Every ``down``-th row and ``across``-th column of a frame, so that search costs the same at any size."""

    down: int
    across: int

    @classmethod
    def of(cls, height: int) -> "Sampling":
        return cls(down=max(1, height // 360), across=max(1, round(height / 1080)))


def light_lines(luma: Codes, darkest: Codes, sampling: Sampling, height: int) -> list[Line]:
    """Lines of light letters among the samples of a frame of ``height`` rows: their ``luma``, and their ``darkest``
    channel, which has one level for letters of one colour."""
    return _lines(luma, darkest, _LIGHT, sampling, height)


def dark_lines(luma: Codes, sampling: Sampling, height: int) -> list[Line]:
    """Lines of dark letters on light paper, likewise; levels are those of 255 less the codes."""
    inverse = 255 - luma
    return _lines(inverse, inverse, _DARK, sampling, height)


@dataclass(frozen=True, kw_only=True)
class Runs:
    row: NDArray[np.intp]
    start: NDArray[np.intp]
    stop: NDArray[np.intp]
    peak: Numbers  # codes
    under: Numbers  # of its surroundings
    darkest: Numbers
    ended: Numbers  # of its two ends, how many are hard


def valley(codes: Codes, reach: int) -> Codes:
    """The lighter of the darkest codes within ``reach`` columns to either side, at most each sample itself."""
    height, width = codes.shape
    darkest = np.full((height, width + 2 * reach), 255, np.uint8)
    darkest[:, reach : reach + width] = codes
    seen = 1  # samples that end at each
    while seen <= reach:
        step = min(seen, reach + 1 - seen)
        darkest, before = np.empty_like(darkest), darkest
        darkest[:, :step] = before[:, :step]
        np.minimum(before[:, step:], before[:, :-step], out=darkest[:, step:])
        seen += step
    return np.maximum(darkest[:, reach : reach + width], darkest[:, 2 * reach :])


def runs_of(codes: Codes, darkest: Codes, rule: Rule, reach: int) -> Runs:
    """The runs of codes that may be strokes, in the order of rows, then columns."""
    native: Any = lumaflux_native
    if not hasattr(native, "stroke_runs"):
        return runs_reference(codes, darkest, rule, reach)
    names = ("row", "start", "stop", "peak", "under", "darkest", "ended")
    found = native.stroke_runs(codes, darkest, rule.least, rule.ground, CONTRAST, reach)
    return Runs(**dict(zip(names, found, strict=True)))


def runs_reference(codes: Codes, darkest: Codes, rule: Rule, reach: int) -> Runs:
    """The same in NumPy."""
    top, bottom = codes.max(axis=1), codes.min(axis=1)  # which tell of all of a row
    lit = np.flatnonzero((top - bottom >= CONTRAST) & (top >= rule.least) & (bottom <= rule.ground))
    some = codes[lit]
    ground = valley(some, reach)
    raised = (some - ground >= CONTRAST) & (some >= rule.least) & (ground <= rule.ground)
    row, start, stop = stretches(raised)
    inside = np.flatnonzero(raised)
    first = np.cumsum(stop - start) - (stop - start)

    def over(reduce: np.ufunc, of: Codes) -> Numbers:
        return reduce.reduceat(of.ravel()[inside], first).astype(np.float64) if len(row) else np.zeros(0)

    peak, under, dark = over(np.maximum, some), over(np.minimum, ground), over(np.maximum, darkest[lit])
    row = lit[row]
    limit = under + _ENDED * (peak - under)
    ends = np.zeros(len(row))
    for side, direction in ((start, -1), (stop - 1, 1)):
        beside = [codes[row, (side + direction * step).clip(0, codes.shape[1] - 1)] for step in range(1, _EDGE + 1)]
        ends += np.minimum.reduce(beside) <= limit
    return Runs(row=row, start=start, stop=stop, peak=peak, under=under, darkest=dark, ended=ends)


def stretches(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Row, start and stop of each stretch of a row that is inside, in the order of rows, then columns."""
    edges = np.zeros((mask.shape[0], mask.shape[1] + 2), np.bool_)
    edges[:, 1:-1] = mask
    row, column = np.divmod(np.flatnonzero(edges[:, 1:] ^ edges[:, :-1]), edges.shape[1] - 1)
    return row[::2], column[::2], column[1::2]


def grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """What is inside of a mask [h,w], and ``by`` pixels around it."""
    grown = mask.copy()
    for _ in range(by):
        wide = grown.copy()
        wide[:, 1:] |= grown[:, :-1]
        wide[:, :-1] |= grown[:, 1:]
        grown = wide.copy()
        grown[1:] |= wide[:-1]
        grown[:-1] |= wide[1:]
    return grown


def joined(row: NDArray, start: NDArray, stop: NDArray, columns: int) -> NDArray[np.intp]:
    """Which runs touch, from row to row, corners included: the same number for those that hang together, from 0 up.

    Runs in the order of rows, then columns.
    """
    first, last = row * (columns + 4) + start, row * (columns + 4) + stop
    low = np.searchsorted(last, first - (columns + 4), "left")
    count = (np.searchsorted(first, last - (columns + 4), "right") - low).clip(min=0)
    below = np.repeat(np.arange(len(row)), count)
    above = np.arange(count.sum()) + np.repeat(low - np.cumsum(count) + count, count)
    return _connected(len(row), below, above)


def _connected(count: int, one: NDArray, other: NDArray) -> NDArray[np.intp]:
    """Numbers of the connected parts of a graph of ``count`` nodes and edges ``one`` - ``other``."""
    root = np.arange(count)
    while True:
        smaller = np.minimum(root[one], root[other])
        new = root.copy()
        np.minimum.at(new, root[one], smaller)
        np.minimum.at(new, root[other], smaller)
        while (new[new] != new).any():
            new = new[new]
        if (new == root).all():
            return np.unique(root, return_inverse=True)[1].reshape(-1)
        root = new


def _letters(runs: Runs, columns: int, sampling: Sampling, lines: int) -> dict[str, Numbers]:
    """What could be letters among the runs: a number each for every property."""
    letter = joined(runs.row, runs.start, runs.stop, columns)
    order = np.argsort(letter, kind="stable")
    first = np.flatnonzero(np.diff(letter[order], prepend=-1))
    count = np.diff(first, append=len(order)).astype(np.float64)

    def mean(values: NDArray) -> Numbers:
        return np.add.reduceat(values[order].astype(np.float64), first) / count

    def most(values: NDArray) -> Numbers:
        return np.maximum.reduceat(values[order].astype(np.float64), first)

    average = mean(runs.peak)
    high = runs.peak >= average[letter] - 1e-6
    level = mean(runs.peak * high) / mean(high)
    top, bottom = -most(-runs.row), most(runs.row) + 1
    left, right = -most(-runs.start), most(runs.stop)
    found = {
        "top": top,
        "bottom": bottom,
        "left": left,
        "right": right,
        "rows": bottom - top,
        "height": (bottom - top) * sampling.down,  # pixels, as all lengths from here on
        "stroke": mean(runs.stop - runs.start) * sampling.across,
        "strokes": count / (bottom - top),
        "level": level,
        "ground": mean(runs.under),
        "darkest": mean(runs.darkest),
        "same": mean(np.abs(runs.peak - level[letter]) <= _SAME),
        "hard": mean(runs.ended) / 2,
    }
    found["quality"] = found["same"] + found["hard"]
    likely = (
        (found["rows"] >= 4)
        & (found["height"] >= max(6.0, lines / 110))
        & (found["height"] <= lines / 5)
        & (found["stroke"] <= 0.6 * found["height"])
        & (found["same"] >= 0.3)
        & (found["hard"] >= 0.5)
        & (found["quality"] >= 1.2)
    )
    chosen = np.flatnonzero(likely)
    if len(chosen) > _MOST_LETTERS:
        chosen = np.sort(chosen[np.argsort(-found["height"][chosen], kind="stable")[:_MOST_LETTERS]])
    return {name: values[chosen] for name, values in found.items()}


def _lines(codes: Codes, darkest: Codes, rule: Rule, sampling: Sampling, height: int) -> list[Line]:
    runs = runs_of(codes, darkest, rule, max(6, round(height / _WIDEST / sampling.across)))
    if not len(runs.row):
        return []
    letters = _letters(runs, codes.shape[1], sampling, height)
    number = _beside(letters, sampling)
    return [line for one in range(number.max(initial=-1) + 1) if (line := _line(letters, number == one, sampling))]


def _beside(letters: dict[str, Numbers], sampling: Sampling) -> NDArray[np.intp]:
    """Which letters are of one line: a number for each."""

    def pairs(name: str) -> tuple[Numbers, Numbers]:
        return letters[name][:, None], letters[name][None]

    def apart(name: str) -> Numbers:
        return np.abs(np.subtract(*pairs(name)))

    tall = np.maximum(*pairs("height"))
    stroke = np.maximum(*pairs("stroke"))
    same_line = np.minimum(apart("bottom"), apart("top")) * sampling.down <= _off_line(tall, sampling)
    gap = (np.maximum(*pairs("left")) - np.minimum(*pairs("right"))) * sampling.across
    linked = (
        same_line
        & (np.minimum(*pairs("height")) >= 0.45 * tall)
        & (gap <= 1.6 * tall)
        & (apart("level") <= 14)
        & (apart("darkest") <= 28)
        & (np.minimum(*pairs("stroke")) >= 0.45 * stroke - 0.6)
    )
    return _connected(len(tall), *np.nonzero(linked))


def _off_line(height: Numbers | float, sampling: Sampling) -> Numbers:
    """Pixels that letters of that height may end beside their line."""
    return np.maximum(sampling.down + 0.5, 0.12 * height)


def _line(letters: dict[str, Numbers], chosen: NDArray[np.bool_], sampling: Sampling) -> Line | None:
    """The line of the chosen letters, if they are one."""
    count = np.count_nonzero(chosen)
    if count < 3:
        return None
    own = {name: values[chosen] for name, values in letters.items()}
    height = float(np.median(own["height"]))
    left, right = own["left"].min(), own["right"].max()
    on_line = np.abs(own["bottom"] - np.median(own["bottom"])) * sampling.down <= _off_line(height, sampling)
    strokes, uneven = own["strokes"].sum(), own["height"].std() / height
    density = strokes * height / ((right - left) * sampling.across)
    if not (
        np.mean(on_line) >= 0.6
        and 0.6 <= density <= 2.6
        and own["level"].std() <= 7
        and uneven <= 0.33
        and strokes >= 4
        and (strokes >= 1.12 * count or (count >= 6 and uneven >= 0.12))  # a fence has equal posts
    ):
        return None
    needed = 1.2 + 0.3 * max(0.0, (6 - strokes) / 2)  # the fewer strokes, the harder they must be
    return Line(
        top=int(own["top"].min()),
        bottom=int(own["bottom"].max()),
        left=int(left),
        right=int(right),
        letters=int(count),
        height=height,
        level=float(np.median(own["level"])),
        ground=float(np.median(own["ground"])),
        certainty=float(np.clip((own["quality"].mean() - needed) / 0.2, 0, 1)),
    )
