"""How a method's scores are spread: a box of its clips and a dot a scene, one line a method."""

import numpy as np
from markupsafe import Markup

from lumaflux.lab.evaluation.report import svg
from lumaflux.lab.evaluation.report.directions import metric_named
from lumaflux.lab.evaluation.report.score_arrays import Floats, ScoreArrays

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_WIDTH, _LABELS, _RIGHT, _ROW, _TOP, _BOTTOM = 860, 210, 24, 40, 10, 46


def distribution(scores: ScoreArrays, key: str) -> Markup | None:
    """SVG: whiskers at 5 and 95 %, box from 25 to 75 %, line at the median, of clips; None without any number."""
    clips = scores.clip_means(scores.fair(key))
    finite = clips[np.isfinite(clips)]
    if not finite.size:
        return None
    metric = metric_named(key)
    low, high = _padded(float(finite.min()), float(finite.max()))
    height = _TOP + _ROW * len(scores.methods) + _BOTTOM
    x = svg.linear(low, high, _LABELS, _WIDTH - _RIGHT)
    root = svg.drawing(_WIDTH, height, f"Distribution of {metric.label} by method", "distribution")
    bottom = height - _BOTTOM
    marks = svg.ticks(low, high, 7)
    digits = max((len(f"{mark:.6f}".rstrip("0").partition(".")[2]) for mark in marks), default=0)
    for mark in marks:
        svg.add(root, "line", class_="grid", x1=x(mark), x2=x(mark), y1=_TOP, y2=bottom)
        text = f"{mark:.{digits}f}".replace("-", "−")
        svg.add(root, "text", text, class_="tick", x=x(mark), y=bottom + 18, text_anchor="middle")
    arrow = {"higher": "better →", "lower": "← better", None: ""}[metric.better]
    caption = " ".join(word for word in (metric.label, metric.unit and f"({metric.unit})", arrow) if word)
    svg.add(root, "text", caption, class_="axis", x=(x(low) + x(high)) / 2, y=bottom + 38, text_anchor="middle")
    scenes = scores.scene_of_clip()
    for row, method in enumerate(scores.methods):
        middle = _TOP + _ROW * (row + 0.5)
        label = svg.add(root, "text", class_="label", x=_LABELS - 14, y=middle + 4, text_anchor="end")
        label.text = svg.shortened(method, 28)
        svg.add(label, "title", method)
        group = svg.add(root, "g", class_=f"s{row % 10}")
        _draw_row(group, clips[row], scenes, x, middle)
    return svg.markup(root)


def _draw_row(group: svg.Element, clips: Floats, scenes: np.ndarray, x: svg.Scale, middle: float) -> None:
    finite = np.isfinite(clips)
    if not finite.any():
        svg.add(group, "text", "no finite score", class_="tick", x=_LABELS + 4, y=middle + 4)
        return
    least, lower, median, upper, most = (x(float(value)) for value in np.quantile(clips[finite], QUANTILES))
    y = middle - 5
    svg.add(group, "line", class_="whisker", x1=least, x2=most, y1=y, y2=y)
    svg.add(group, "rect", class_="box", x=lower, y=y - 7, width=max(upper - lower, 1), height=14, rx=2)
    svg.add(group, "line", class_="median", x1=median, x2=median, y1=y - 9, y2=y + 9)
    for scene in np.unique(scenes[finite]):
        mean = float(clips[finite & (scenes == scene)].mean())
        svg.add(group, "circle", class_="dot", cx=x(mean), cy=middle + 11, r=2.6)


def _padded(low: float, high: float) -> tuple[float, float]:
    margin = 0.03 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin
