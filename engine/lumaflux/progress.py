"""What the command shows: progress with frames per second and time left, reports, tables."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Task

    from lumaflux.doctor import Finding
    from lumaflux.lab.evaluation.evaluate import Evaluation
    from lumaflux.lab.evaluation.report.run_folder import Run
    from lumaflux.media.metadata.info import MediaInfo
    from lumaflux.media.metadata.shot_levels import ShotLevels
    from lumaflux.render import Report


_PLAIN_SECONDS = 2.0
PERCENTILES = (50.0, 90.0, 99.0, 99.9)  # as lumaflux.media.metadata.shot_levels measures them


class _FramesPerSecond(ProgressColumn):
    def render(self, task: "Task") -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.2f} frames/s" if speed else "loading")


class _Progress:
    """Takes the frames done and the frames in all, if known; ``name_pass`` says which of several passes begins,
    ``name_wait`` what the next frame waits for."""

    def __init__(self, title: str):
        self.title, self.passed = title, ""

    def name_pass(self, name: str) -> None:
        self.passed = name

    def name_wait(self, what: str) -> None:
        pass

    def __call__(self, done: int, total: int | None) -> None:
        pass

    @property
    def heading(self) -> str:
        return f"{self.title} ({self.passed})" if self.passed else self.title


@contextmanager
def show_progress(title: str, style: str = "rich") -> Iterator[Callable[[int, int | None], None]]:
    """Progress on standard error; yields the callback (frames done, frames in all if known).

    ``style``: ``rich`` draws a bar, ``plain`` prints a line every two seconds, ``json`` a line a frame, ``none`` none.
    """
    if style != "rich":
        yield {"plain": _PlainProgress, "json": _JsonProgress}.get(style, _Progress)(title)
        return
    bar = _Bar(title)
    try:
        yield bar
    finally:
        bar.stop()


class _Bar(_Progress):
    def __init__(self, title: str):
        super().__init__(title)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _FramesPerSecond(),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._task = self._bar.add_task(title, total=None)

    def name_pass(self, name: str) -> None:
        super().name_pass(name)
        self._bar.reset(self._task, total=None, description=self.heading)

    def __call__(self, done: int, total: int | None) -> None:
        self._bar.start()  # only once there is work: an error before it stands alone
        self._bar.update(self._task, completed=done, total=total, description=self.heading)

    def name_wait(self, what: str) -> None:
        self._bar.update(self._task, description=f"{self.heading}: waits for {what}")

    def stop(self) -> None:
        if self._bar.live.is_started:  # stopping an idle bar prints an empty line
            self._bar.stop()


class _PlainProgress(_Progress):
    def __init__(self, title: str):
        super().__init__(title)
        self._start, self._next = time.monotonic(), 0.0

    def name_pass(self, name: str) -> None:
        super().name_pass(name)
        self._start, self._next = time.monotonic(), 0.0

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now < self._next and done != total:
            return
        self._next = now + _PLAIN_SECONDS
        speed = done / max(now - self._start, 1e-9)
        print(f"{self.heading}: {done} of {total or '?'} frames, {speed:.2f} frames/s", file=sys.stderr, flush=True)

    def name_wait(self, what: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PLAIN_SECONDS
            print(f"{self.heading}: waits for {what}", file=sys.stderr, flush=True)


class _JsonProgress(_Progress):
    def __call__(self, done: int, total: int | None) -> None:
        named = {"pass": self.passed} if self.passed else {}
        print(json.dumps({"frames": done, "total": total, **named}), file=sys.stderr, flush=True)


def show_report(reports: "list[Report]") -> None:
    """Where the result is, its measured light levels, and what was left out or repaired."""
    for report in reports:
        levels = f"MaxCLL {report.max_cll:.0f}, MaxFALL {report.max_fall:.0f} cd/m2"
        speed = f"{report.frames} frames, {report.frames / max(report.seconds, 1e-9):.2f} frames/s"
        there = f"; {report.skipped} were there already" if report.skipped else ""
        to = sys.stderr if str(report.target) == "-" else sys.stdout  # which holds the video then
        print(f"{report.target}: {levels if report.frames else 'nothing to do'}; {speed}{there}", file=to)
        if report.confidence:
            shares = ", ".join(f"{share:.1%} {name}" for name, share in report.confidence.items())
            print(f"  {shares}", file=to)
        for path, name in report.also.items():
            print(f"{path}: {name} of the same rendering", file=to)
        if report.restored:
            print("\n".join(restored_lines(report.restored)), file=to)
        for note in report.notes:
            print(f"  {note}", file=sys.stderr)


def restored_lines(found: dict[str, Any]) -> list[str]:
    """How near the SDR comes back: the whole and, where there are several, each shot."""

    def near(figures: dict[str, Any]) -> str:
        tried = f"{figures['frames']:.0f} {'frame' if figures['frames'] == 1 else 'frames'} tried"
        return f"{figures['psnr']:.1f} dB, at most {figures['largest_error']:.0f} codes off ({tried})"

    lines = [f"  The SDR comes back with {near(found)}{_sidecar(found)}"]
    shots = found.get("shots", ())
    return lines + [f"    frames {shot['first']}-{shot['last']}: {near(shot)}" for shot in shots if len(shots) > 1]


def _sidecar(found: dict[str, Any]) -> str:
    """Of a video, not of a photograph: the sidecar's size."""
    if "sidecar_bytes" not in found:
        return ""
    size, share = found["sidecar_bytes"], found["sidecar_bytes"] / found["delivered_bytes"]
    return f"; sidecar {size / 1e3:.1f} kB a frame, {share:.2f} of the HDR file"


def show_info(info: "MediaInfo") -> None:
    """A media file's facts, a line each."""
    table = Table(show_header=False, box=None)
    for name, value in _facts(info):
        table.add_row(name, Text(value))  # a name may hold brackets, which rich takes for markup
    Console().print(table)


def show_light(levels: "ShotLevels") -> None:
    """Measured light, of the whole and of each shot where there are several."""
    table = Table("frames", "MaxCLL", "MaxFALL", *(f"{percent:g} %" for percent in PERCENTILES), box=None)
    whole = [levels.percentile_nits(percent) for percent in PERCENTILES]
    rows = [("all", levels.max_cll, levels.max_fall, whole)]
    if len(levels.shots) > 1:
        rows += [
            (f"{shot.first}-{shot.last}", shot.max_cll, shot.max_fall, list(shot.percentiles.values()))
            for shot in levels.shots
        ]
    for frames, cll, fall, percentiles in rows:
        table.add_row(frames, str(cll), str(fall), *(f"{nits:.1f}" for nits in percentiles))
    console = Console()
    console.print("measured light, cd/m2")
    console.print(table)


def _facts(info: "MediaInfo") -> Iterator[tuple[str, str]]:
    yield "file", info.path
    yield "format", f"{info.container}, {info.codec}, {info.pixel_format}, {info.bit_depth} bit"
    yield "picture", f"{info.width}x{info.height}" + (f", turned {info.rotation} degrees" if info.rotation else "")
    for name in ("range", "matrix", "primaries", "transfer"):
        tag = getattr(info, name)
        yield name, f"{tag.value} ({tag.source})"
    if info.is_hdr:
        yield "HDR", info.hdr or info.transfer.value.upper()
    if info.kind == "video":
        rate = f"{float(info.frame_rate):.3f} frames/s" if info.frame_rate else "no frame rate"
        yield "time", f"{rate}{', variable' if info.variable_frame_rate else ''}, {info.duration or 0:.3f} s"
        yield "frames", str(info.frame_count or "not stated")
    if display := info.mastering_display:
        yield "mastering display", f"{display.min_nits:g} to {display.max_nits:g} cd/m2, {display.primaries}"
    if info.content_light:
        yield "light levels", f"MaxCLL {info.max_cll}, MaxFALL {info.max_fall} cd/m2"
    for sound in info.audio:
        yield "sound", f"{sound.codec}, {sound.rate} Hz, {sound.layout}"
    if info.interlaced:
        yield "fields", "interlaced"
    if info.alpha:
        yield "alpha", "yes"
    for left_out in info.dropped:
        yield "not converted", left_out


def show_scores(result: "Evaluation") -> None:
    """The mean of each score, and what must be known with it."""
    table = Table("score", f"mean of {len(result.frames)} pictures", box=None)
    for key, value in result.mean().items():
        table.add_row(Text(key), f"{value:.4f}" if isinstance(value, float) else Text(str(value or "none")))
    console = Console()
    console.print(table)
    for note in result.notes():
        console.print(note, markup=False)


_HEADLINE = ("psnr", "ssim", "pu21_psnr", "delta_e_itp", "hdrvdp3_q")


def show_standings(run: "Run") -> None:
    """The main scores of a benchmark run, a line a method; a + marks a mean that leaves infinite scores out."""
    from lumaflux.lab.evaluation.report.directions import metric_named
    from lumaflux.lab.evaluation.report.tables import overall

    table = overall(run.scores)
    metrics = [metric_named(key) for key in _HEADLINE if key in run.scores.keys]
    shown = Table("method", *(metric.label for metric in metrics), box=None)
    for method, cells in table.items():
        means = (cells[metric.key] for metric in metrics)
        texts = [m.text(cell.mean) + ("+" if cell.infinite else "") for m, cell in zip(metrics, means, strict=True)]
        shown.add_row(Text(method), *map(Text, texts))
    Console().print(shown)


def show_findings(findings: "list[Finding]") -> bool:
    """The doctor's report; returns whether all is sound."""
    table = Table(show_header=False, box=None)
    for finding in findings:
        mark = "ok" if finding.ok else "MISSING"
        table.add_row(mark, Text(finding.subject), Text(finding.detail), Text(finding.advice))
    Console().print(table)
    return all(finding.ok for finding in findings)
