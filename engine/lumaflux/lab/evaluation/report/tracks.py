"""Levels over time: a clip's 99th percentile and median luminance, of a prediction and of its reference."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from markupsafe import Markup

from lumaflux.lab.evaluation.report import svg
from lumaflux.lab.evaluation.report.score_arrays import Floats, ScoreArrays
from lumaflux.lab.evaluation.report.svg import draw_light_axis, signal

LEVELS = ("p99", "p50")
WHO = ("reference", "prediction")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 300, 190, 40, 12, 8, 34


def track_distance(tracks: dict[str, Any]) -> float:
    """The mean distance in PQ between a prediction's p99 and its reference's; NaN where there is none."""
    prediction, reference = _levels(tracks, "prediction", "p99"), _levels(tracks, "reference", "p99")
    size = min(prediction.size, reference.size)
    return float(np.abs(prediction[:size] - reference[:size]).mean()) if size else float("nan")


def clips_to_show(scores: ScoreArrays, count: int) -> list[str]:
    """The clips whose levels the methods miss most, one a scene, hardest first; needs at least two frames."""
    scene_of = {clip.name: clip.scene for clip in scores.clips}
    missed: dict[str, list[float]] = {}
    for (_, clip), tracks in scores.tracks.items():
        if _levels(tracks, "reference", "p99").size > 1 and np.isfinite(distance := track_distance(tracks)):
            missed.setdefault(clip, []).append(distance)
    shown: dict[str, str] = {}
    for clip in sorted(missed, key=lambda name: (-np.mean(missed[name]), name)):
        shown.setdefault(scene_of[clip], clip)
    return list(shown.values())[:count]


def light_range(tracks: Iterable[dict[str, Any]]) -> tuple[float, float]:
    """The PQ range that holds every level of ``tracks``, with a margin, so that plots beside each other compare."""
    every = np.concatenate([_levels(one, who, level) for one in tracks for who in WHO for level in LEVELS])
    every = every[np.isfinite(every)]
    return (float(every.min()) - 0.03, float(every.max()) + 0.03) if every.size else (0.0, 1.0)


def draw_tracks(tracks: dict[str, Any], name: str, colour: int, shown: tuple[float, float]) -> Markup:
    """SVG: frame number against light in the PQ range ``shown``; the reference is dashed."""
    curves = [(who, level, _levels(tracks, who, level)) for who in WHO for level in LEVELS]
    last = max(max((values.size for _, _, values in curves), default=0) - 1, 1)
    root = svg.drawing(_WIDTH, _HEIGHT, f"Levels over time of {name} and of the reference", "curve")
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    x, y = svg.linear(0, last, _LEFT, right), svg.linear(*shown, bottom, _TOP)
    draw_light_axis(root, y, *shown, _LEFT, right)
    for mark in svg.ticks(0, last, 5):
        if mark == int(mark):
            svg.add(root, "text", f"{mark:g}", class_="tick", x=x(mark), y=bottom + 14, text_anchor="middle")
    svg.add(root, "text", "Frame", class_="axis", x=(_LEFT + right) / 2, y=bottom + 29, text_anchor="middle")
    for who, level, values in curves:
        pairs = [(x(frame), y(value)) for frame, value in enumerate(values.tolist()) if np.isfinite(value)]
        group = svg.add(root, "g", class_="reference dashed" if who == "reference" else f"s{colour % 10}")
        svg.add(group, "polyline", class_=f"line {level}", points=svg.points(pairs))
    return svg.markup(root)


def _levels(tracks: dict[str, Any], who: str, level: str) -> Floats:
    values = (tracks.get(who) or {}).get(level) or []
    return signal(np.array([np.nan if value is None else value for value in values], dtype=np.float64))
