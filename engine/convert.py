"""The job of `lumaflux convert`: frames from media through the converter and back into media."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import FrameError, UserError
from engine.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from engine.inference.converter import Converter

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv")
Progress = Callable[[int, int | None], None]  # frames done, frames in all if known


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a conversion does besides the look.

    ``force_sdr`` reads PQ- or HLG-tagged input as if it were SDR; ``limit`` stops after so many frames.
    """

    overwrite: bool = False
    copy_audio: bool = True
    force_sdr: bool = False
    limit: int | None = None


@dataclass(kw_only=True)
class Report:
    """What was written. Light levels in cd/m2 are measured on the pictures as written; stages are seconds."""

    target: Path
    frames: int = 0
    max_cll: float = 0.0
    max_fall: float = 0.0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - start

    def add_stages(self, timings: dict[str, float]) -> None:
        for name, seconds in timings.items():
            self.stages[name] = self.stages.get(name, 0.0) + seconds


def convert(
    source: Path,
    target: Path,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress = lambda done, total: None,
) -> list[Report]:
    """Converts a clip, a picture, or every picture of a directory; one model load for all.

    The model is loaded only once input and target have been found sound. Raises UserError for bad input.
    """
    if source.is_dir():
        return convert_directory(source, target, load_converter, settings, job, progress)
    from engine.media.info import probe

    if probe(source).kind == "still":
        target = target / f"{source.stem}.png" if target.is_dir() else target
        return [*convert_stills({source: target}, load_converter, settings, job, progress)]
    if target.suffix.lower() not in VIDEO_SUFFIXES:
        raise UserError(f"{target}: a clip is written as {', '.join(VIDEO_SUFFIXES)}; name such a target")
    return [convert_video(source, target, load_converter, settings, job, progress)]


def convert_video(
    source: Path,
    target: Path,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress,
) -> Report:
    """Streams a clip: one frame decoded, rendered and encoded at a time; nothing grows with the clip."""
    from engine.media.hdr10_writer import Hdr10Writer
    from engine.media.video_reader import VideoReader

    report = Report(target=target)
    start = time.perf_counter()
    with VideoReader(source, allow_hdr=job.force_sdr) as reader:
        info = reader.info
        writer = Hdr10Writer(
            target,
            info.width,
            info.height,
            info.time_base or Fraction(1, 1000),
            frame_rate=info.frame_rate,
            source=source,
            copy_audio=job.copy_audio and bool(info.audio),
            trim_audio=job.limit is not None,
            master_peak_nits=settings.target_peak,
            sample_aspect_ratio=info.sample_aspect_ratio,
            overwrite=job.overwrite,
        )
        total = _frames_to_come(info.frame_count, job.limit)
        with writer:  # a target that cannot be written is known before the model is loaded
            with report.stage("load"):
                converter = load_converter()
            progress(0, total)
            frames = iter(reader)
            while job.limit is None or report.frames < job.limit:
                with report.stage("decode"):
                    frame = next(frames, None)
                if frame is None:
                    break
                hdr_pq, timings = converter.render_timed(frame.sdr, settings)
                report.add_stages(timings)
                with report.stage("encode"):
                    writer.write(hdr_pq, frame.pts, frame.duration)
                report.frames += 1
                progress(report.frames, total)
            finishing = time.perf_counter()
    report.stages["encode"] += time.perf_counter() - finishing
    report.max_cll, report.max_fall = writer.levels.max_cll, writer.levels.max_fall
    report.seconds = time.perf_counter() - start - report.stages.pop("load")
    return report


def _frames_to_come(stated: int | None, limit: int | None) -> int | None:
    known = [count for count in (stated, limit) if count]
    return min(known) if known else None


def convert_directory(
    source: Path,
    target: Path,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress,
) -> list[Report]:
    """Every picture ``name.ext`` of ``source`` becomes ``name.png`` in ``target``, which is made if missing."""
    from engine.media.still_folder import picture_pairs

    return convert_stills(picture_pairs(source, target), load_converter, settings, job, progress)


def convert_stills(
    pairs: dict[Path, Path],
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress,
) -> list[Report]:
    """Converts pictures, one model load for all. Of several, a bad one does not stop the rest.

    Raises UserError for a single bad picture, FrameError naming the bad ones of several.
    """
    from engine.media.stills import read_still, write_still

    converter: Converter | None = None
    reports, failures = [], []
    for done, (source, target) in enumerate(pairs.items()):
        report = Report(target=target)
        start = time.perf_counter()
        try:
            with report.stage("decode"):
                _refuse_existing(target, job)
                still = read_still(source, allow_hdr=job.force_sdr)
            if converter is None:
                converter = load_converter()
                progress(0, len(pairs))
                start = time.perf_counter()
            hdr_pq, timings = converter.render_timed(_bt1886(still.sdr, still.transfer), settings)
            report.add_stages(timings)
            with report.stage("encode"):
                peak = settings.target_peak
                levels = write_still(target, hdr_pq, master_peak_nits=peak, overwrite=job.overwrite, source=source)
        except UserError as error:
            if len(pairs) == 1:
                raise
            failures.append(str(error))
            continue
        report.frames, report.max_cll, report.max_fall = 1, levels.max_cll, levels.max_fall
        report.seconds = time.perf_counter() - start
        reports.append(report)
        progress(done + 1, len(pairs))
    if failures:
        raise FrameError(f"{len(failures)} of {len(pairs)} pictures were not converted: {'; '.join(failures)}")
    return reports


def _refuse_existing(target: Path, job: Job) -> None:
    if target.exists() and not job.overwrite:
        raise UserError(f"{target} exists already; remove it, or allow overwriting (-y).")


def _bt1886(signal: "np.ndarray", transfer: str) -> "np.ndarray":
    from engine.color.srgb import srgb_to_bt1886

    return srgb_to_bt1886(signal) if transfer == "srgb" else signal
