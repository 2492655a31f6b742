"""Opens what is written: a video or a numbered sequence, as the job delivers it."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError
from lumaflux.render.job import Job
from lumaflux.render.sources import Source, chosen
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.media.deliveries import Delivery
    from lumaflux.media.sink import Sink
    from lumaflux.media.stills.ocio_spaces import OcioSpaces
    from lumaflux.media.stills.picture_writer import PictureOptions


@dataclass(frozen=True, kw_only=True)
class Target:
    """``sink`` opened by entering it; ``done`` tells source frames that are there already; ``stamp`` gives a frame's
    pts and duration in the sink's time base."""

    sink: "Sink"
    delivery: str
    keeps_alpha: bool
    done: Callable[[int], bool]
    stamp: Callable[[int, int, int | None], tuple[int, int | None]]


def picture_options(made: "Delivery", settings: Settings, job: Job, spaces: "OcioSpaces | None") -> "PictureOptions":
    """How pictures are written; raises UserError for a colour space that the format cannot say."""
    from lumaflux.media.metadata.mastering import container_display
    from lumaflux.media.metadata.stated import HdrMetadata, read_hdr_metadata
    from lumaflux.media.stills.picture_writer import EXR_ACES, PictureOptions

    stated = read_hdr_metadata(job.hdr_metadata) if job.hdr_metadata else HdrMetadata()
    return PictureOptions(
        display=stated.display or container_display(settings.target_peak),
        stated=stated.light,
        reference_white=settings.reference_white,
        compression=job.exr_compression or ("none" if made.picture is EXR_ACES else "zip"),
        transform=spaces.output if spaces is not None and spaces.converts_output else None,
        overwrite=job.overwrite,
    )


def open_target(
    source_path: Path, target: Path, source: Source, settings: Settings, job: Job, spaces: "OcioSpaces | None"
) -> Target:
    """Raises UserError for a target that does not fit or must not be written."""
    from lumaflux.media.deliveries import delivery
    from lumaflux.media.stills.sequence_path import SequencePath

    name, made = delivery(job.deliver, target)
    pattern = SequencePath.parse(target)
    if made.picture is None:
        if pattern is not None and not pattern.may_be_a_name:
            raise UserError(f"{target} numbers a video; name one file, or pictures such as shot.%04d.exr")
        if spaces is not None and spaces.converts_output:
            raise UserError("--output-space goes with pictures (EXR, TIFF, DPX, PNG); a video's space is --deliver's")
        return _video(source_path, target, source, settings, job, name, made)
    job.refuse_rates(name)
    if pattern is None:
        raise UserError(
            f"{target} names one picture for many frames; number them, as in {target.stem}.%04d{target.suffix}"
        )
    return _sequence(source_path, pattern, source, settings, job, name, made, spaces)


def _video(
    source_path: Path, target: Path, source: Source, settings: Settings, job: Job, name: str, made: "Delivery"
) -> Target:
    from dataclasses import replace

    from lumaflux.media.deliveries import video_encoding
    from lumaflux.media.metadata.mastering import container_display
    from lumaflux.media.metadata.stated import HdrMetadata, read_hdr_metadata
    from lumaflux.media.video.hdr10_stream import Hdr10Encoding
    from lumaflux.media.video.hdr10_writer import UNKNOWN_RATE
    from lumaflux.media.video.writer import VideoWriter

    info = source.info
    sequence = info.kind == "still"
    stated = read_hdr_metadata(job.hdr_metadata) if job.hdr_metadata else HdrMetadata()
    rate = getattr(source, "frame_rate", None) or info.frame_rate or UNKNOWN_RATE
    time_base = 1 / rate if sequence else info.time_base or Fraction(1, 1000)
    encoding = video_encoding(
        made,
        (info.width, info.height),
        time_base,
        rate,
        info.sample_aspect_ratio,
        stated.display or container_display(settings.target_peak),
    )
    encoding = encoding.rated(job.crf, job.encoder_preset)
    if job.hdr10plus is not None:
        if not isinstance(encoding, Hdr10Encoding):
            raise UserError(f"HDR10+ goes into hdr10, not into {name}; leave --hdr10plus out, or --deliver hdr10")
        encoding = replace(encoding, dynamic=True)
    first: list[int] = []

    def stamp(number: int, pts: int, duration: int | None) -> tuple[int, int | None]:
        if job.frames is None:
            return pts, duration
        first.append(pts) if not first else None
        return pts - first[0], duration

    part = job.frames is not None
    start = None if sequence else _start_of_part(source_path, time_base, job)
    sink = VideoWriter(
        target,
        (info.width, info.height),
        encoding,
        source=None if sequence or start is None else source_path,
        copy_audio=job.copy_audio,
        trim_audio=part or job.limit is not None,
        start=start or Fraction(0),
        stated=stated.light,
        overwrite=job.overwrite,
    )
    if info.audio and start is None:
        sink.notes.append("The sound is left out, for the frames are not one stretch of the clip.")
    if name == "hlg" and settings.target_peak > 1000:
        sink.notes.append("Light above 1000 cd/m2 is clipped: HLG is written for that nominal peak.")
    return Target(sink=sink, delivery=name, keeps_alpha=made.keeps_alpha, done=lambda number: False, stamp=stamp)


def _start_of_part(source: Path, time_base: Fraction, job: Job) -> Fraction | None:
    """When the frames that are asked for begin, in seconds; None where they are not one stretch of the clip."""
    from lumaflux.media.video.numbered_frames import frame_times

    if job.frames is None:
        return Fraction(0)
    numbers = chosen(job)
    times = frame_times(source)
    if times is None or numbers[-1] - numbers[0] + 1 != len(numbers) or not 0 <= numbers[0] < len(times.pts):
        return None
    return times.pts[numbers[0]] * time_base


def _sequence(
    source_path: Path,
    pattern,
    source: Source,
    settings: Settings,
    job: Job,
    name: str,
    made: "Delivery",
    spaces: "OcioSpaces | None",
) -> Target:
    from dataclasses import replace

    from lumaflux.media.stills.sequence_path import SequencePath
    from lumaflux.media.stills.sequence_writer import SequenceWriter
    from lumaflux.render.sequence_manifest import claim, manifest_of, modified

    assert made.picture is not None
    if job.hdr10plus is not None:
        raise UserError("HDR10+ metadata is made with an HDR10 video; leave --hdr10plus out, or name a .mp4")
    if name == "ultra-hdr":
        raise UserError("ultra-hdr is for photographs; write a sequence as png, tiff, exr or dpx")
    options = replace(picture_options(made, settings, job, spaces), pixel_aspect=float(source.info.sample_aspect_ratio))
    incoming = SequencePath.parse(source_path)
    if incoming is not None and incoming.pattern.resolve() == pattern.pattern.resolve():
        raise UserError(f"{pattern.pattern} is the input itself; choose another name for the output.")
    sink = SequenceWriter(pattern, made.picture, options, (source.info.width, source.info.height))
    with sink:
        manifest = manifest_of(source_path, settings, job, name)
        keep = claim(pattern, manifest, overwrite=job.overwrite, resume=job.resume)
    if keep:  # a damaged or outdated frame among those that are kept is made again
        sink = SequenceWriter(
            pattern, made.picture, replace(options, overwrite=True), (source.info.width, source.info.height)
        )
    first = incoming.numbers()[0] if incoming is not None and job.start_number is not None else 0
    shift = 0 if job.start_number is None else job.start_number - first

    numbers = incoming.numbers() if incoming is not None and job.motion_blending else []

    def made_of(number: int) -> list[int]:
        """The frames of the source that this one is made of, at most."""
        if not numbers:
            return [number]
        from lumaflux.inference.gain_blending import REACH

        place = bisect_left(numbers, number)
        return numbers[max(0, place - REACH) : place + REACH + 1]

    def done(number: int) -> bool:
        made_after = 0.0 if incoming is None else max(modified(incoming.file(near)) for near in made_of(number))
        return keep and sink.holds(number + shift, made_after)

    return Target(
        sink=sink,
        delivery=name,
        keeps_alpha=made.keeps_alpha,
        done=done,
        stamp=lambda number, pts, duration: (number + shift, 1),
    )
