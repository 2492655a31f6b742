"""Means of a run: per-frame score, its mean over the frames of a clip, then the mean over clips."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lumaflux.lab.evaluation.report.bootstrap import Intervals, intervals
from lumaflux.lab.evaluation.report.directions import metric_named
from lumaflux.lab.evaluation.report.score_arrays import ClipFacts, Floats, ScoreArrays, Status

Flags = NDArray[np.bool_]

AVERAGE = (
    "A frame's score, averaged over the frames of its clip, then over clips. Infinite scores (equal pictures) and "
    "scores without a meaning on a frame are left out of a mean and counted. A method that undoes a rendering is left "
    "out on that rendering, except in the table by rendering (°)."
)
GROUPINGS = {
    "rendering": "By rendering",
    "crf": "By CRF",
    "scene": "By scene",
    "content": "By content",
    "split": "By split",
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """``mean`` is None where nothing was scored and math.inf where all that was scored is infinite; ``low`` and
    ``high`` bound it at 95 %. The counts are of frames (of clips, for a score of whole clips)."""

    mean: float | None
    low: float | None
    high: float | None
    scored: int
    infinite: int
    meaningless: int
    unavailable: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """``method`` minus ``baseline``, on the frames that both have. ``significant``: the interval excludes zero and
    there are scenes enough to say so; ``improves`` is None for a metric without a direction."""

    method: str
    baseline: str
    key: str
    mean: float | None
    low: float | None
    high: float | None
    scenes: int
    clips: int
    significant: bool
    improves: bool | None


def overall(scores: ScoreArrays) -> dict[str, dict[str, Cell]]:
    """method -> key -> Cell."""
    table: dict[str, dict[str, Cell]] = {method: {} for method in scores.methods}
    for key in scores.keys:
        found = intervals(scores.clip_means(scores.fair(key)), scores.scene_of_clip())
        for row, method in enumerate(scores.methods):
            status = scores.status[key][row][~scores.told[row]]
            infinite = int((status == Status.INFINITE).sum())
            mean = _number(found.mean[row])
            table[method][key] = Cell(
                mean=math.inf if mean is None and infinite else mean,
                low=_number(found.low[row]),
                high=_number(found.high[row]),
                scored=int((status == Status.NUMBER).sum()),
                infinite=infinite,
                meaningless=int((status == Status.MEANINGLESS).sum()),
                unavailable=int((status == Status.UNAVAILABLE).sum()),
            )
    return table


def grouped(scores: ScoreArrays, grouping: str) -> dict[str, dict[str, dict[str, float | None]]]:
    """key -> group -> method -> mean over the group's clips; ``grouping`` is one of GROUPINGS."""
    labels = [_label(clip, grouping) for clip in scores.clips]
    groups = sorted(set(labels), key=_numbers_first)
    table: dict[str, dict[str, dict[str, float | None]]] = {}
    for key in scores.keys:
        told = scores.told & (grouping != "rendering")
        means = scores.clip_means(np.where(told, np.nan, scores.values[key]))
        infinite = _clips_with(scores, (scores.status[key] == Status.INFINITE) & ~told)
        table[key] = {
            group: _group_means(scores, means[:, chosen], infinite[:, chosen])
            for group in groups
            if (chosen := [index for index, label in enumerate(labels) if label == group])
        }
    return table


def differences(scores: ScoreArrays) -> dict[tuple[str, str, str], Difference]:
    """(method, baseline, key) -> Difference, for every ordered pair of two methods; paired frame by frame."""
    pairs = list(combinations(range(len(scores.methods)), 2))
    table: dict[tuple[str, str, str], Difference] = {}
    for key in scores.keys if pairs else ():
        values = scores.fair(key)
        paired = np.stack([scores.clip_means((values[a] - values[b])[None])[0] for a, b in pairs])
        found = intervals(paired, scores.scene_of_clip())
        for row, (a, b) in enumerate(pairs):
            for difference in _both_ways(scores.methods[a], scores.methods[b], key, found, row):
                table[difference.method, difference.baseline, key] = difference
    return table


def best(key: str, means: Mapping[str, float | None]) -> set[str]:
    """The methods with the best mean; none for a metric without a direction or with a single method."""
    better = metric_named(key).better
    numbers = {name: mean for name, mean in means.items() if mean is not None}
    if better is None or len(numbers) < 2:
        return set()
    top = (max if better == "higher" else min)(numbers.values())
    return {name for name, mean in numbers.items() if mean == top}


def complete_methods(scores: ScoreArrays) -> set[str]:
    """The methods without a failure and with a score of every frame that another method has; the others' means are
    over other frames, so they are never marked as best."""
    lacking = {row.method for row in scores.failures}
    for status in scores.status.values():
        absent = status == Status.ABSENT
        lacking |= {scores.methods[row] for row in np.flatnonzero((absent & ~absent.all(axis=0)).any(axis=1))}
    return set(scores.methods) - lacking


def _group_means(scores: ScoreArrays, means: Floats, infinite: Flags) -> dict[str, float | None]:
    row_means: dict[str, float | None] = {}
    for row, method in enumerate(scores.methods):
        finite = means[row][np.isfinite(means[row])]
        if finite.size:
            row_means[method] = float(finite.mean())
        else:
            row_means[method] = math.inf if infinite[row].any() else None
    return row_means


def _clips_with(scores: ScoreArrays, mask: Flags) -> Flags:
    starts = np.searchsorted([clip for clip, _ in scores.units], np.arange(len(scores.clips)))
    return np.logical_or.reduceat(mask, starts, axis=1)


def _both_ways(a: str, b: str, key: str, found: Intervals, row: int) -> list[Difference]:
    mean, low, high = (_number(bound[row]) for bound in (found.mean, found.low, found.high))
    shared = {"key": key, "scenes": int(found.scenes[row]), "clips": int(found.clips[row])}
    shared["significant"] = found.verdict(row)
    improves = None if mean is None or mean == 0 else metric_named(key).is_better(mean)
    there = Difference(method=a, baseline=b, mean=mean, low=low, high=high, improves=improves, **shared)
    back = Difference(
        method=b,
        baseline=a,
        mean=_negative(mean),
        low=_negative(high),
        high=_negative(low),
        improves=None if improves is None else not improves,
        **shared,
    )
    return [there, back]


def _negative(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _label(clip: ClipFacts, grouping: str) -> str:
    if grouping == "crf":
        return "as it came" if clip.crf is None else f"CRF {clip.crf}"
    return str(getattr(clip, grouping))


def _numbers_first(label: str) -> tuple[bool, str]:
    return label == "as it came", label
