"""The report as Markdown: the tables, for a README or a review."""

import re
from collections.abc import Iterable, Sequence

from lumaflux.lab.evaluation.report.content import Content
from lumaflux.lab.evaluation.report.directions import Metric, metric_named
from lumaflux.lab.evaluation.report.tables import AVERAGE, GROUPINGS, Cell, Difference, best

_ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}
INTERVALS = "95 % intervals in brackets: cluster bootstrap over scenes."


def report_markdown(content: Content) -> str:
    """All tables; groups only by the metric that chose the frames (the rest is in the page and in the JSON)."""
    run, scores = content.run, content.run.scores
    counts = ", ".join(f"{number} {name}" for name, number in content.counts.items())
    metrics = [metric_named(key) for key in scores.keys]
    parts = [
        f"# {escaped(run.manifest.name)}",
        f"Preset {escaped(run.preset or 'unnamed')}; {counts}.",
        f"{AVERAGE} {INTERVALS}",
        *[f"- {escaped(note)}" for note in content.notes],
        "## Overall",
        markdown_table(
            ["Method", *[heading(metric) for metric in metrics]],
            [[escaped(name), *[_cell(content, metric, name) for metric in metrics]] for name in scores.methods],
        ),
    ]
    others = [name for name in scores.methods if name != content.baseline]
    if others:
        rows = [
            [
                escaped(name),
                *[difference_text(m, content.differences[name, content.baseline, m.key]) for m in metrics],
            ]
            for name in others
        ]
        parts += [
            f"## Differences to {escaped(content.baseline)}",
            "Paired frame by frame. **Bold**: the interval excludes zero.",
            markdown_table(["Method", *[heading(metric) for metric in metrics]], rows),
        ]
    if content.decider is not None:
        metric = metric_named(content.decider)
        for grouping, title in GROUPINGS.items():
            groups = content.grouped[grouping][metric.key]
            if len(groups) > 1:
                rows = [
                    [escaped(group), *_row(metric, [means[name] for name in scores.methods], content, means)]
                    for group, means in groups.items()
                ]
                head = [{"crf": "CRF"}.get(grouping, grouping.capitalize()), *map(escaped, scores.methods)]
                parts += [f"## {title}: {heading(metric)}", markdown_table(head, rows)]
    if scores.failures:
        failed = [[*map(escaped, (r.method, r.clip, _frame(r.frame), str(r.error)))] for r in scores.failures]
        parts += ["## Not scored", markdown_table(["Method", "Clip", "Frame", "Why"], failed)]
    return "\n\n".join(parts).replace("\n\n- ", "\n- ") + "\n"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A pipe table, first column left, others right; cells are escaped already."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(text: str) -> str:
    """Text that Markdown and the HTML in it leave as it is, on one line."""
    words = re.sub(r"\s+", " ", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", words)


def difference_text(metric: Metric, difference: Difference) -> str:
    """The difference with its interval, bold where it is significant."""
    if difference.mean is None:
        return "–"
    text = metric.text(difference.mean, signed=True)
    text = f"**{text}**" if difference.significant else text
    return text + interval_text(metric, difference.low, difference.high, signed=True)


def interval_text(metric: Metric, low: float | None, high: float | None, *, signed: bool = False) -> str:
    if low is None or high is None:
        return ""
    return f" [{metric.text(low, signed=signed)}, {metric.text(high, signed=signed)}]"


def heading(metric: Metric) -> str:
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{escaped(metric.label)}{unit}{_ARROWS[metric.better]}"


def _cell(content: Content, metric: Metric, name: str) -> str:
    cell: Cell = content.overall[name][metric.key]
    if cell.mean is None:
        return "unavailable" if cell.unavailable else "–"
    eligible = {n: row[metric.key].mean for n, row in content.overall.items() if n in content.complete}
    text = metric.text(cell.mean)
    text = f"**{text}**" if name in best(metric.key, eligible) else text
    return text + interval_text(metric, cell.low, cell.high)


def _row(metric: Metric, means: list[float | None], content: Content, by_method: dict[str, float | None]) -> list[str]:
    top = best(metric.key, {name: mean for name, mean in by_method.items() if name in content.complete})
    return [
        f"**{metric.text(mean)}**" if name in top else metric.text(mean)
        for name, mean in zip(by_method, means, strict=True)
    ]


def _frame(frame: int | None) -> str:
    return "whole clip" if frame is None else str(frame)
