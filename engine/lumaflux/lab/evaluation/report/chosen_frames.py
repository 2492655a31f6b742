"""Which frames a report shows: each method's worst and best, and those that are hardest for all."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lumaflux.lab.evaluation.report.directions import metric_named
from lumaflux.lab.evaluation.report.score_arrays import Floats, ScoreArrays

PREFERRED = ("delta_e_itp", "pu21_psnr", "psnr")


@dataclass(frozen=True, kw_only=True)
class ChosenFrame:
    """``rank`` is worst or best, ``place`` counts from 1; ``unit`` is the index into ScoreArrays.units."""

    method: str
    clip: str
    frame: int
    unit: int
    rank: str
    place: int


def deciding_metric(scores: ScoreArrays) -> str | None:
    """The first of PREFERRED that has a number, else the first key with a direction that has one."""
    frames = scores.frames()
    with_numbers = [key for key in scores.keys if np.isfinite(scores.values[key][:, frames]).any()]
    directed = [key for key in with_numbers if metric_named(key).better is not None]
    return next((key for key in (*PREFERRED, *directed) if key in directed), None)


def worst_and_best(scores: ScoreArrays, key: str, count: int) -> list[ChosenFrame]:
    """``count`` worst and ``count`` best frames of each method by ``key``: one a scene as long as there are scenes,
    and none twice."""
    chosen = []
    for row, method in enumerate(scores.methods):
        order = [unit for unit in _worst_first(key, scores.fair(key)[row]) if scores.units[unit][1] is not None]
        worst = _spread(scores, order, count)
        best = _spread(scores, [unit for unit in reversed(order) if unit not in worst], count)
        for rank, units in (("worst", worst), ("best", best)):
            for place, unit in enumerate(units, 1):
                clip, frame = scores.units[unit]
                chosen.append(
                    ChosenFrame(
                        method=method,
                        clip=scores.clips[clip].name,
                        frame=int(frame or 0),
                        unit=unit,
                        rank=rank,
                        place=place,
                    )
                )
    return chosen


def hardest(scores: ScoreArrays, key: str, count: int) -> list[int]:
    """The units of the frames, one a scene, that all methods together score worst on by ``key``; a frame that one of
    them has no number for is left out."""
    mean = scores.values[key].mean(axis=0)
    return _spread(scores, [unit for unit in _worst_first(key, mean) if scores.units[unit][1] is not None], count)


def _worst_first(key: str, values: Floats) -> list[int]:
    """The units with a number, worst first; equal ones in their order."""
    units = np.flatnonzero(np.isfinite(values))
    sign = 1 if metric_named(key).better == "higher" else -1
    return units[np.argsort(sign * values[units], kind="stable")].tolist()


def _spread(scores: ScoreArrays, units: Iterable[int], count: int) -> list[int]:
    """The first ``count`` of ``units``, where a scene comes again only when every scene was there."""
    waiting, chosen = list(units), []
    while waiting and len(chosen) < count:
        scenes: set[str] = set()
        later = []
        for unit in waiting:
            scene = scores.clips[scores.units[unit][0]].scene
            if scene in scenes or len(chosen) == count:
                later.append(unit)
            else:
                scenes.add(scene)
                chosen.append(unit)
        waiting = later
    return chosen
