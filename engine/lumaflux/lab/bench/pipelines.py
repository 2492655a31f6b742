"""Whole conversions beside what ffmpeg does with the same encoder, in turns, idle and beside a busy process."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lumaflux.lab.bench.sizes import SIZES, write_cube, write_textured_clip

ROUNDS = 3
_ENCODER = ("libx265", "medium", "18")
_CODES = "yuv420p10le"
# zscale of zimg: BT.709 as a display shows it, with white at 203 cd/m2, as PQ/BT.2020.
_ZSCALE = f"zscale=pin=709:tin=709:min=709:rin=tv:p=2020:t=smpte2084:m=2020_ncl:r=tv:npl=203,format={_CODES}"


def pipelines(rounds: int = ROUNDS, sizes: tuple[str, ...] = tuple(SIZES)) -> dict[str, Any]:
    """By size and load ("idle", "busy"): for every pipeline ``fps`` (median) and ``cpu_ms`` a frame; of LumaFlux also
    ``share`` of the speed of decoding and encoding alone, ``in_one_pass``, the share of frames on that path, and
    ``stages_ms``; ``first_frame_s``: from the start of the command to the end of a conversion of one frame.

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
            figures[f"first_frame_s_{size}"] = statistics.median(
                _timed(_lumaflux(one, folder / "one-out.mp4"))[0] for _ in range(rounds)
            )
            for load in ("idle", "busy"):
                with _busy() if load == "busy" else _nothing():
                    figures[f"{size}_{load}"] = _in_turns(source, folder, frames, rounds)
    return figures


def _in_turns(source: Path, folder: Path, frames: int, rounds: int) -> dict[str, Any]:
    calls = _commands(source, folder)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    reports: dict[str, Any] = {}
    for _ in range(rounds):
        for name, command in calls.items():
            wall, cpu = _timed(command)
            report = folder / f"{name}.json"
            if report.exists():
                reports[name] = json.loads(report.read_text())["conversions"][0]
                wall = reports[name]["seconds"]  # the start stands beside it
            taken[name].append((wall, cpu))
    made: dict[str, Any] = {}
    for name, pairs in taken.items():
        made[name] = {
            "fps": frames / statistics.median(wall for wall, _ in pairs),
            "cpu_ms": 1000 * statistics.median(cpu for _, cpu in pairs) / frames,
        }
    for name, report in reports.items():
        made[name]["in_one_pass"] = report["in_one_pass"] / frames
        made[name]["stages_ms"] = {stage: 1000 * seconds / frames for stage, seconds in report["stages"].items()}
    made["lumaflux"]["share"] = made["lumaflux"]["fps"] / made["alone"]["fps"]
    return made


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


def _lumaflux(source: Path, target: Path, *options: str) -> list[str]:
    start = "import sys; from lumaflux.cli import main; sys.exit(main())"
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


def _timed(command: list[str]) -> tuple[float, float]:
    """Seconds on the clock and of processors. Raises CalledProcessError, with what the command said."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall, after = time.perf_counter() - start, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


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
    """What ``pipelines`` found, as a table of Markdown."""
    loads = [key for key, value in figures.items() if isinstance(value, dict) and "lumaflux" in value]
    lines = [f"| frames a second (CPU ms a frame), {os.cpu_count()} cores | {' | '.join(loads)} |"]
    lines.append("|---" * (len(loads) + 1) + "|")
    names = dict.fromkeys(name for load in loads for name in figures[load])

    def cell(load: str, name: str) -> str:
        found = figures[load].get(name)
        return "" if found is None else f"{found['fps']:.2f} ({found['cpu_ms']:.0f})"

    lines += [f"| {name} | {' | '.join(cell(load, name) for load in loads)} |" for name in names]
    shares = [f"{figures[load]['lumaflux']['share']:.2f}" for load in loads]
    lines.append(f"| share of `alone` | {' | '.join(shares)} |")
    return "\n".join(lines)
