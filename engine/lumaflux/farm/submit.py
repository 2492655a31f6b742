"""What the farm's commands do: make a bundle, render a part here, encode here."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import FrameError, UserError
from lumaflux.farm.encode import encode_job
from lumaflux.farm.frame_set import frames_text, parse_frames
from lumaflux.farm.frames import Chunk, open_renderer, render_frames
from lumaflux.farm.job import JobFolder
from lumaflux.farm.manifest import Order
from lumaflux.farm.order import read_order
from lumaflux.farm.template import Bundle
from lumaflux.render import VIDEO_SUFFIXES, Progress

if TYPE_CHECKING:
    from lumaflux.farm.ray_run import RayReport


def make_bundle(order: Order, target: Path, *, chunk: int, command: str, copy_audio: bool) -> Bundle:
    """Raises UserError for an input that is not there, frames that it lacks, and a target of another kind."""
    from dataclasses import replace

    from lumaflux.render.numbered_source import open_source

    if chunk < 1:
        raise UserError(f"a chunk is {chunk} frames; give one or more")
    video = target.suffix.lower() in VIDEO_SUFFIXES
    if target.suffix and not video and not target.is_dir():
        raise UserError(f"{target}: a job makes a directory of frames, or one of {', '.join(VIDEO_SUFFIXES)}")
    source = open_source(order.source, allow_hdr=order.force_sdr)
    numbers = source.numbers if order.frames is None else parse_frames(order.frames)
    if lacking := sorted(set(numbers) - set(source.numbers)):
        raise UserError(f"{order.source} has no frames {frames_text(lacking)}; it has {frames_text(source.numbers)}")
    text = frames_text(numbers)
    return Bundle(
        order=replace(order, source=source.path, frames=text),
        frames=target.with_name(f"{target.stem}.frames") if video else target,
        numbers=text,
        target=target if video else None,
        chunk=chunk,
        command=command,
        copy_audio=copy_audio,
    )


def render_here(order: Order, folder: Path, frames: str | None, progress: Progress) -> Chunk:
    """Claims the folder for the job, and renders ``frames`` of it."""
    job = JobFolder(folder)
    renderer = open_renderer(order, job)
    wanted = parse_frames(renderer.manifest.frames)
    numbers = wanted if frames is None else parse_frames(frames)
    if foreign := sorted(set(numbers) - set(wanted)):
        raise UserError(f"the job has no frames {frames_text(foreign)}; it has {renderer.manifest.frames}")
    return render_frames(job, renderer, numbers, progress)


def render_part(order_file: Path, source: Path, folder: Path, first: int, count: int, progress: Progress) -> Chunk:
    """The ``count`` frames of an order from ``first`` on, counted in its own list. Raises UserError if it has none."""
    order = read_order(order_file, source)
    numbers = [number for number in parse_frames(order.frames or "") if number >= first][:count]
    if not numbers:
        raise UserError(f"the job has no frames from {first} on; it has {order.frames}")
    return render_here(order, folder, frames_text(numbers), progress)


def encode_here(
    folder: Path,
    target: Path,
    source: Path | None,
    rate: str | None,
    *,
    copy_audio: bool,
    overwrite: bool,
    lines: bool,
) -> int:
    """Encodes a job's frames; ``lines``: says progress as the Open Job Description has it."""
    try:
        exact = None if rate is None else Fraction(rate)
    except (ValueError, ZeroDivisionError):
        raise UserError(f"the rate is '{rate}'; write it as 24 or 24000/1001") from None
    if exact is not None and exact <= 0:
        raise UserError(f"the rate is '{rate}'; it must be above 0")

    def say(done: int, total: int | None) -> None:
        if lines:
            print(f"openjd_progress: {100 * done / max(total or done, 1):.1f}", flush=True)

    return encode_job(
        JobFolder(folder), target, source, copy_audio=copy_audio, overwrite=overwrite, rate=exact, progress=say
    )


def refuse_failures(chunk: Chunk) -> None:
    """Raises FrameError naming the frames of a chunk that failed, if any did."""
    if chunk.failed:
        reasons = "; ".join(f"{number}: {reason}" for number, reason in sorted(chunk.failed.items()))
        raise FrameError(f"{len(chunk.failed)} frames failed: {reasons}")


def render_on_ray(
    bundle: Bundle, *, address: str | None, workers: int | None, overwrite: bool, progress: Progress
) -> "RayReport":
    """All frames over a cluster, then the encode here. Raises FrameError when frames failed, after the others."""
    from lumaflux.farm.ray_run import run_on_ray

    if bundle.target is not None and bundle.target.exists() and not overwrite:
        raise UserError(f"{bundle.target} exists already; remove it, or allow overwriting (-y).")
    job = JobFolder(bundle.frames)
    report = run_on_ray(bundle.order, job, address=address, workers=workers, chunk=bundle.chunk, progress=progress)
    refuse_failures(report.chunk)
    if bundle.target is not None:
        encode_job(job, bundle.target, copy_audio=bundle.copy_audio, overwrite=overwrite)
    return report
