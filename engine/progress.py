"""What the command shows: progress with frames per second and time left, reports, tables."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Task

    from engine.convert import Report
    from engine.doctor import Finding


class _FramesPerSecond(ProgressColumn):
    def render(self, task: "Task") -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.2f} frames/s" if speed else "loading")


@contextmanager
def show_progress(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on standard error; yields the callback (frames done, frames in all if known)."""
    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        _FramesPerSecond(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_report(reports: "list[Report]") -> None:
    """Where the result is and its measured light levels."""
    for report in reports:
        levels = f"MaxCLL {report.max_cll:.0f}, MaxFALL {report.max_fall:.0f} cd/m2"
        speed = f"{report.frames} frames, {report.frames / max(report.seconds, 1e-9):.2f} frames/s"
        print(f"{report.target}: {levels}; {speed}")


def show_info(info: Any) -> None:
    """A media file's facts, a line each."""
    table = Table(show_header=False, box=None)
    for field in dataclasses.fields(info):
        value = getattr(info, field.name)
        if value is not None and value != ():
            table.add_row(field.name.replace("_", " "), str(value))
    Console().print(table)


def show_findings(findings: "list[Finding]") -> bool:
    """The doctor's report; returns whether all is sound."""
    table = Table(show_header=False, box=None)
    for finding in findings:
        mark = "ok" if finding.ok else "MISSING"
        table.add_row(mark, finding.subject, finding.detail, finding.advice)
    Console().print(table)
    return all(finding.ok for finding in findings)
