"""The report as one HTML page that asks nobody for anything: style, script and pictures are inside."""

import math
from collections.abc import Mapping
from typing import Any

from lumaflux.color.false_colour import DIFFERENCE_SCALE, SCALE
from lumaflux.lab.evaluation.report import bootstrap, tables
from lumaflux.lab.evaluation.report.content import Content
from lumaflux.lab.evaluation.report.directions import metric_named
from lumaflux.lab.evaluation.report.distributions import distribution
from lumaflux.lab.evaluation.report.pictures import CAPTIONS, draw_scale
from lumaflux.lab.evaluation.report.rendered import FrameName, Rendered
from lumaflux.lab.evaluation.report.score_arrays import ScoreArrays, Status
from lumaflux.lab.evaluation.report.tone_curves import draw_tone_curve
from lumaflux.lab.evaluation.report.tracks import clips_to_show, draw_tracks, light_range
from lumaflux.viewing.self_contained import self_contained

_SHADES = 5
_FAILURES_SHOWN = 200


def report_html(content: Content, rendered: Mapping[FrameName, Rendered], tracked_clips: int) -> str:
    """``rendered`` has the frames of ``content.chosen`` and ``content.hardest``; tracks of ``tracked_clips`` clips."""
    run, scores = content.run, content.run.scores
    return self_contained(
        "lumaflux.lab.evaluation.report",
        content=content,
        run=run,
        metrics=[metric_named(key) for key in scores.keys],
        decider=metric_named(content.decider) if content.decider else None,
        average=tables.AVERAGE,
        resamples=f"{bootstrap.RESAMPLES:,}",
        overall_best=_overall_best(content),
        groupings=[group for name in tables.GROUPINGS if (group := _grouping(content, name))],
        baselines=[content.baseline, *[name for name in scores.methods if name != content.baseline]],
        distributions={key: distribution(scores, key) for key in scores.keys},
        curves=_curves(content, rendered),
        tracks=_tracks(content, tracked_clips),
        examples=_examples(content, rendered),
        captions=CAPTIONS,
        light_scale=draw_scale(SCALE, "Colours of luminance, cd/m²"),
        difference_scale=draw_scale(DIFFERENCE_SCALE, "Colours of Delta-E-ITP"),
        failures=scores.failures[:_FAILURES_SHOWN],
        more_failures=max(len(scores.failures) - _FAILURES_SHOWN, 0),
    )


def _overall_best(content: Content) -> dict[str, set[str]]:
    rows = {name: row for name, row in content.overall.items() if name in content.complete}
    return {
        key: tables.best(key, {name: row[key].mean for name, row in rows.items()}) for key in content.run.scores.keys
    }


def _grouping(content: Content, name: str) -> dict[str, Any] | None:
    """A section: for every key the rows (group, cells); None where all clips are in one group."""
    by_key = content.grouped[name]
    if len(next(iter(by_key.values()), {})) < 2:
        return None
    return {
        "name": name,
        "title": tables.GROUPINGS[name],
        "by_key": {
            key: [(group, _shaded(content, name, key, group, means, rows)) for group, means in rows.items()]
            for key, rows in by_key.items()
            if any(mean is not None for means in rows.values() for mean in means.values())
        },
    }


def _shaded(
    content: Content,
    grouping: str,
    key: str,
    group: str,
    means: Mapping[str, float | None],
    rows: Mapping[str, Mapping[str, float | None]],
) -> list[dict[str, Any]]:
    """One cell a method: text, value, whether it is best of its row and told, and a shade: 0 to 4, 4 is best."""
    metric = metric_named(key)
    told = {name for name in means if grouping == "rendering" and content.run.told.get(name) == group}
    eligible = {name: mean for name, mean in means.items() if name in content.complete and name not in told}
    top = tables.best(key, eligible)
    finite = [mean for row in rows.values() for mean in row.values() if mean is not None and math.isfinite(mean)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    cells = []
    for name, mean in means.items():
        shade = 0
        if metric.better and mean is not None and high > low and name not in told:
            share = min((mean - low) / (high - low), 1.0)
            share = share if metric.better == "higher" else 1 - share
            shade = min(int(_SHADES * share), _SHADES - 1)
        cells.append(
            {"text": metric.text(mean), "value": mean, "best": name in top, "told": name in told, "shade": shade}
        )
    return cells


def _frame_facts(content: Content, unit: int) -> dict[str, Any]:
    clip, frame = content.run.scores.units[unit]
    return {"clip": content.run.scores.clips[clip], "frame": frame}


def _curves(content: Content, rendered: Mapping[FrameName, Rendered]) -> list[dict[str, Any]]:
    figures = []
    for unit in content.hardest:
        facts = _frame_facts(content, unit)
        panels = []
        for colour, method in enumerate(content.run.scores.methods):
            found = rendered[method, facts["clip"].name, facts["frame"]]
            if found.prediction_curve and found.reference_curve:
                drawn = draw_tone_curve(found.prediction_curve, found.reference_curve, method, colour)
                panels.append({"method": method, "drawing": drawn, "error": None})
            else:
                panels.append({"method": method, "drawing": None, "error": found.error})
        figures.append(facts | {"panels": panels})
    return figures


def _tracks(content: Content, count: int) -> list[dict[str, Any]]:
    scores = content.run.scores
    figures = []
    for clip in clips_to_show(scores, count):
        tracks = {name: scores.tracks[name, clip] for name in scores.methods if (name, clip) in scores.tracks}
        shown = light_range(tracks.values())
        panels = [
            {"method": name, "drawing": draw_tracks(one, name, scores.methods.index(name), shown)}
            for name, one in tracks.items()
        ]
        figures.append({"clip": clip, "panels": panels})
    return figures


def _examples(content: Content, rendered: Mapping[FrameName, Rendered]) -> dict[str, list[dict[str, Any]]]:
    """Method -> its worst and best frames with pictures and scores."""
    scores = content.run.scores
    examples: dict[str, list[dict[str, Any]]] = {}
    for chosen in content.chosen:
        row = scores.methods.index(chosen.method)
        found = rendered[chosen.method, chosen.clip, chosen.frame]
        numbers = [(metric_named(key), _value(scores, key, row, chosen.unit)) for key in scores.keys]
        examples.setdefault(chosen.method, []).append(
            {
                "chosen": chosen,
                "pictures": found.pictures,
                "error": found.error,
                "scores": [(metric, metric.text(value)) for metric, value in numbers if not math.isnan(value)],
            }
        )
    return examples


def _value(scores: ScoreArrays, key: str, row: int, unit: int) -> float:
    infinite = scores.status[key][row, unit] == Status.INFINITE
    return math.inf if infinite else float(scores.values[key][row, unit])
