"""Whole conversions beside what ffmpeg does with the same encoder, in turns, idle and beside a busy process."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from lumaflux.lab.bench.sizes import SIZES, USUAL, write_cube, write_textured_clip

MINUTES = 7.5  # of rounds; each size and load has at least one
_SHARES = {("1080p", "idle"): 0.25, ("1080p", "busy"): 0.25, ("2160p", "idle"): 0.2, ("2160p", "busy"): 0.3}
_STARTS = 3
_LONG = ("lumaflux", "alone")  # whose first frame is taken off
_ENCODER = ("libx265", "medium", "18")
_CODES = "yuv420p10le"
# zscale of zimg: BT.709 as a display shows it, with white at 203 cd/m2, as PQ/BT.2020.
_ZSCALE = f"zscale=pin=709:tin=709:min=709:rin=tv:p=2020:t=smpte2084:m=2020_ncl:r=tv:npl=203,format={_CODES}"


class _Taken(NamedTuple):
    seconds: float
    cpu_seconds: float  # of processors, in user and system
    peak_mb: float


def pipelines(minutes: float = MINUTES, sizes: tuple[str, ...] = USUAL) -> dict[str, Any]:
    """By size and load ("idle", "busy"): for every pipeline ``fps`` and ``cpu_ms`` a frame, medians of ``rounds`` in
    turns, as many as ``minutes`` allow; ``peak_mb``, the most memory that a process of it held; of LumaFlux also
    ``share`` of the speed of decoding and encoding alone, ``in_one_pass``, the share of frames on that path, and
    ``stages_ms``; ``first_frame_s`` and ``first_frame_cpu_s``: from the start of the command to the end of a conversion
    of one frame, on the clock and of processors. ``further_ms`` and ``further_cpu_ms``, of LumaFlux and ``alone``: what
    each frame takes beside the first, as in a long clip; ``further_share``: alone's through LumaFlux's, on the clock.

    Pipelines: ``lumaflux``, ``lumaflux-ultrafast``, ``alone`` (PyAV decodes and encodes), and with an ffmpeg on the
    path ``ffmpeg`` (decodes and encodes), ``zscale`` and ``lut3d`` (33 points, tetrahedral), where it has them.
    """
    figures: dict[str, Any] = {}
    for size in sizes:
        width, height, frames = SIZES[size]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            source, one = folder / "in.mp4", folder / "one.mp4"
            write_textured_clip(source, width, height, frames)
            write_textured_clip(one, width, height, 1)
            starts = [_timed(_lumaflux(one, folder / "one-out.mp4")) for _ in range(_STARTS)]
            figures[f"first_frame_s_{size}"] = statistics.median(taken.seconds for taken in starts)
            figures[f"first_frame_cpu_s_{size}"] = statistics.median(taken.cpu_seconds for taken in starts)
            for load in ("idle", "busy"):
                seconds = 60 * minutes * _SHARES.get((size, load), 1 / (2 * len(sizes)))
                with _busy() if load == "busy" else _nothing():
                    figures[f"{size}_{load}"] = _in_turns(source, one, folder, frames, seconds)
    return figures


def _in_turns(source: Path, one: Path, folder: Path, frames: int, seconds: float) -> dict[str, Any]:
    calls = _commands(source, folder)
    calls |= {f"{name}-one": _of_one_frame(calls[name], source, one, folder / f"{name}-one.mp4") for name in _LONG}
    taken: dict[str, list[_Taken]] = {name: [] for name in calls}
    reports: dict[str, Any] = {}
    start, rounds = time.perf_counter(), 0
    while rounds == 0 or (time.perf_counter() - start) * (rounds + 1) / rounds <= seconds:
        rounds += 1
        for name, command in calls.items():
            made = _timed(command)
            report = folder / f"{name}.json"
            if report.exists():
                reports[name] = json.loads(report.read_text())["conversions"][0]
                made = made._replace(seconds=reports[name]["seconds"])  # the start stands beside it
            taken[name].append(made)
    found: dict[str, Any] = {}
    for name, each in taken.items():
        if name.endswith("-one"):
            continue
        found[name] = {
            "fps": frames / statistics.median(made.seconds for made in each),
            "cpu_ms": 1000 * statistics.median(made.cpu_seconds for made in each) / frames,
            "peak_mb": max(made.peak_mb for made in each),
            "rounds": len(each),
        }
    for name in _LONG:
        whole, first = taken[name], taken[f"{name}-one"]
        for key, part in (("further_ms", "seconds"), ("further_cpu_ms", "cpu_seconds")):
            longer, shorter = (statistics.median(getattr(made, part) for made in each) for each in (whole, first))
            found[name][key] = 1000 * (longer - shorter) / (frames - 1)
    for name, report in reports.items():
        if name not in found:
            continue
        found[name]["in_one_pass"] = report["in_one_pass"] / frames
        found[name]["stages_ms"] = {stage: 1000 * seconds / frames for stage, seconds in report["stages"].items()}
    own, alone = found["lumaflux"], found["alone"]
    own["share"] = own["fps"] / alone["fps"]
    own["further_share"] = alone["further_ms"] / own["further_ms"]
    return found


def _commands(source: Path, folder: Path) -> dict[str, list[str]]:
    calls = {
        "lumaflux": _lumaflux(source, folder / "lumaflux.mp4"),
        "lumaflux-ultrafast": _lumaflux(source, folder / "lumaflux-ultrafast.mp4", "--encoder-preset", "ultrafast"),
        "alone": [sys.executable, "-c", _ALONE, str(source), str(folder / "alone.mp4"), *_ENCODER],
    }
    if (ffmpeg := shutil.which("ffmpeg")) is None:
        return calls
    write_cube(folder / "identity.cube")
    filters = subprocess.run([ffmpeg, "-v", "error", "-filters"], capture_output=True, text=True).stdout
    wanted = {"ffmpeg": f"format={_CODES}", "zscale": _ZSCALE}
    wanted["lut3d"] = f"format=gbrp16le,lut3d=file={folder / 'identity.cube'}:interp=tetrahedral,format={_CODES}"
    codec, preset, rate = _ENCODER
    for name, filtered in wanted.items():
        if name == "ffmpeg" or f" {name} " in filters:
            quality = ["-c:v", codec, "-preset", preset, "-crf", rate, "-x265-params", "log-level=error"]
            calls[name] = [ffmpeg, "-v", "error", "-y", "-i", str(source), "-vf", filtered, *quality]
            calls[name].append(str(folder / f"{name}.mp4"))
    return calls


def _of_one_frame(command: list[str], source: Path, one: Path, target: Path) -> list[str]:
    """The same of a clip of one frame: with another source, target and report."""
    before = next(Path(word) for word in command if word.endswith(".mp4") and word != str(source))
    changed = {source: one, before: target, before.with_suffix(".json"): target.with_suffix(".json")}
    return [str(changed.get(Path(word), word)) for word in command]


def _lumaflux(source: Path, target: Path, *options: str) -> list[str]:
    start = "import sys; from lumaflux.__main__ import main; sys.exit(main())"
    report = ["--report", str(target.with_suffix(".json"))]
    return [sys.executable, "-c", start, "convert", str(source), str(target), "-y", *report, *options]


_ALONE = """
import sys
import av
source, target, codec, preset, rate = sys.argv[1:]
with av.open(source) as read, av.open(target, "w") as written:
    stream = read.streams.video[0]
    stream.thread_type = "AUTO"
    out = written.add_stream(codec, rate=stream.average_rate, options={
        "preset": preset, "crf": rate, "x265-params": "log-level=error"})
    out.width, out.height, out.pix_fmt = stream.width, stream.height, "yuv420p10le"
    for frame in read.decode(stream):
        ten = frame.reformat(format="yuv420p10le")
        ten.pts, ten.time_base = frame.pts, frame.time_base
        written.mux(out.encode(ten))
    written.mux(out.encode())
"""


def _timed(command: list[str]) -> _Taken:
    """What a command takes. Raises CalledProcessError, with what the command said."""
    with tempfile.TemporaryFile() as said:
        before, start = os.times(), time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=_environment())
        peak_mb = _peak_of(process)
        seconds, after = time.perf_counter() - start, os.times()
        if process.returncode:
            said.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, stderr=said.read())
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return _Taken(seconds, cpu, peak_mb)


def _environment() -> dict[str, str]:
    """As a user has it: modules of Python are compiled once, not at every start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _peak_of(process: "subprocess.Popen[bytes]") -> float:
    """Waits for a process; the most memory that it held, in MB, which Windows does not tell."""
    if not hasattr(os, "wait4"):
        process.wait()
        return float("nan")
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)  # bytes there, kB elsewhere


@contextmanager
def _busy() -> Iterator[None]:
    """One process beside that takes a core, as other programs do."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def table(figures: dict[str, Any]) -> str:
    """What ``pipelines`` found, as tables of Markdown: all pipelines, the stages of LumaFlux, and its first frame."""
    loads = [key for key, value in figures.items() if isinstance(value, dict) and "lumaflux" in value]
    names = dict.fromkeys(name for load in loads for name in figures[load])
    own = {load: figures[load]["lumaflux"] for load in loads}

    def row(title: str, cell: Callable[[str], str]) -> str:
        return f"| {title} | {' | '.join(cell(load) for load in loads)} |"

    def measured(load: str, name: str) -> str:
        found = figures[load].get(name)
        return "" if found is None else f"{found['fps']:.2f} ({found['cpu_ms']:.0f}; {found['peak_mb']:.0f})"

    rule = "|---" * (len(loads) + 1) + "|"
    lines = [row(f"frames a second (CPU ms a frame; MB), {os.cpu_count()} cores", str), rule]
    lines += [row(name, lambda load, name=name: measured(load, name)) for name in names]
    lines.append(row("share of `alone`", lambda load: f"{own[load]['share']:.2f}"))
    lines.append(row("the same without the first frame", lambda load: f"{own[load]['further_share']:.2f}"))
    for name in _LONG:
        cells = [figures[load][name] for load in loads]
        cells = [f"{found['further_ms']:.0f} ({found['further_cpu_ms']:.0f})" for found in cells]
        lines.append(f"| {name}, ms (CPU ms) a further frame | {' | '.join(cells)} |")
    lines.append(row("rounds", lambda load: str(own[load]["rounds"])))
    lines += ["", row("LumaFlux, ms a frame", str), rule]
    for stage in dict.fromkeys(stage for load in loads for stage in own[load]["stages_ms"]):
        lines.append(row(stage, lambda load, stage=stage: f"{own[load]['stages_ms'].get(stage, 0.0):.0f}"))
    lines.append(row("frames in one pass", lambda load: f"{100 * own[load]['in_one_pass']:.0f} %"))
    lines += ["", "| first frame | seconds | CPU seconds |", "|---|---|---|"]
    for size in (key.removeprefix("first_frame_s_") for key in figures if key.startswith("first_frame_s_")):
        seconds, cpu = (figures[f"first_frame_{unit}_{size}"] for unit in ("s", "cpu_s"))
        lines.append(f"| {size} | {seconds:.2f} | {cpu:.2f} |")
    return "\n".join(lines)
