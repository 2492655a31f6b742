"""What the farm's commands do: make a bundle, render a part here, encode here."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import FrameError, UserError, refuse_bytes
from lumaflux.farm.encode import EncodeRequest, encode_job
from lumaflux.farm.frames import Chunk, open_renderer, refuse_inputs, render_frames
from lumaflux.farm.job import JobFolder
from lumaflux.farm.job_spec import JobSpec, read_spec
from lumaflux.farm.manifest import numbers_of, source_of
from lumaflux.farm.template import Bundle
from lumaflux.media.stills.frame_numbers import frame_list, frames_text
from lumaflux.options import EncodeOptions, part
from lumaflux.render import VIDEO_SUFFIXES, Progress
from lumaflux.render.mask import open_mask
from lumaflux.render.source import Source

if TYPE_CHECKING:
    from lumaflux.farm.ray_run import RayReport


def make_bundle(spec: JobSpec, target: Path, *, chunk: int, command: str, video: EncodeOptions) -> Bundle:
    """Raises UserError for an input that is not there, frames that it lacks or that differ in size, a mask that is not
    theirs, and a target of another kind."""
    from lumaflux.media.output_profiles import output_profile

    if chunk < 1:
        raise UserError(f"a chunk is {chunk} frames; give one or more")
    encoded = target.suffix.lower() in VIDEO_SUFFIXES
    if target.suffix and not encoded and not target.is_dir():
        raise UserError(f"{target}: a job makes a directory of frames, or one of {', '.join(VIDEO_SUFFIXES)}")
    if encoded:
        output_profile(video.deliver, target)  # which raises for what does not fit
    frames = target.with_name(f"{target.stem}.frames") if encoded else target
    written = [("the job's frames", JobFolder(frames).pictures), *([("the job's video", target)] if encoded else [])]
    refuse_inputs(spec, written, video)
    source = source_of(spec)
    for path in (source.path, target):
        refuse_bytes(str(path.resolve()))  # a template holds text, and whole paths
    numbers = numbers_of(spec, source)
    _refuse_sizes(source, numbers)
    open_mask(spec.mask, (source.info.width, source.info.height), source, numbers)
    text = frames_text(numbers)
    return Bundle(
        spec=replace(spec, source=source.path if source.pattern is None else source.pattern.printf, frames=text),
        frames=frames,
        numbers=text,
        target=target if encoded else None,
        chunk=chunk,
        command=command,
        video=video,
    )


def _refuse_sizes(source: Source, numbers: list[int]) -> None:
    """Raises UserError for pictures of another size than the first, before any work. One that cannot be read is named
    when its turn has come, for it may be mended until then."""
    from lumaflux.media.metadata.info import probe

    if source.pattern is None:
        return
    others: dict[tuple[int, int], list[int]] = {}
    for number in numbers:
        with suppress(UserError):
            found = probe(source.pattern.file(number), source.options.layer)
            others.setdefault((found.width, found.height), []).append(number)
    others.pop((source.info.width, source.info.height), None)
    if others:
        told = "; ".join(f"{frames_text(each)} are {size[0]}x{size[1]}" for size, each in others.items())
        raise UserError(
            f"{source.pattern.pattern} begins with {source.info.width}x{source.info.height}, but frames {told}; make a "
            "job of each size (--frames)"
        )


def render_here(spec: JobSpec, folder: Path, frames: str | None, progress: Progress) -> Chunk:
    """Claims the folder for the job, and renders ``frames`` of it."""
    job = JobFolder(folder)
    renderer = open_renderer(spec, job)
    wanted = frame_list(renderer.manifest.frames)
    numbers = wanted if frames is None else frame_list(frames)
    if foreign := sorted(set(numbers) - set(wanted)):
        raise UserError(f"the job has no frames {frames_text(foreign)}; it has {renderer.manifest.frames}")
    return render_frames(job, renderer, numbers, progress)


def render_part(spec_file: Path, source: Path, folder: Path, first: int, count: int, progress: Progress) -> Chunk:
    """The ``count`` frames of a job from ``first`` on, counted in its own list. Raises UserError if it has none."""
    spec = read_spec(spec_file, source)
    numbers = [number for number in frame_list(spec.frames or "") if number >= first][:count]
    if not numbers:
        raise UserError(f"the job has no frames from {first} on; it has {spec.frames}")
    return render_here(spec, folder, frames_text(numbers), progress)


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
    report = run_on_ray(bundle.spec, job, address=address, workers=workers, chunk=bundle.chunk, progress=progress)
    refuse_failures(report.chunk)
    if bundle.target is not None:
        encode_job(job, bundle.target, part(EncodeRequest, bundle.video, fps=bundle.spec.fps, overwrite=overwrite))
    return report
