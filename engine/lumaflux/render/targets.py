"""Opens what is written: a video or a numbered sequence, as the job delivers it."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from lumaflux.errors import UserError
from lumaflux.options import SEQUENCE_RATE
from lumaflux.render.job import Job, chosen
from lumaflux.render.source import Source
from lumaflux.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.color.yuv420p10 import Planes
    from lumaflux.media.metadata.info import MediaInfo
    from lumaflux.media.metadata.stated import HdrMetadata
    from lumaflux.media.output_profiles import OutputProfile
    from lumaflux.media.sink import Channels, Sink
    from lumaflux.media.stills.ocio_spaces import OcioSpaces
    from lumaflux.media.stills.picture_writer import PictureOptions
    from lumaflux.media.stills.sequence_path import SequencePath
    from lumaflux.media.video.coded_frame import CodedFrame
    from lumaflux.media.video.demuxer import Demuxer
    from lumaflux.media.video.encoding import Encoding
    from lumaflux.media.video.reader import SdrFrame

_UNKNOWN_RATE = Fraction(25)  # for the encoder's rate control, where the source states none


@dataclass(frozen=True, kw_only=True)
class Target:
    """``sink`` opened by entering it, which may take ten-bit codes (``takes_codes``); ``done`` tells source frames that
    are there already; ``begin`` is called before a frame is written; ``stamp`` gives a frame's pts and duration in the
    sink's ``time_base``, or the number of its picture where that is None; ``finished`` is told of every frame that was
    written; with ``wants_sdr`` the frames of the source go with those that became of them."""

    sink: "Sink"
    delivery: str
    keeps_alpha: bool
    takes_codes: bool = False
    wants_sdr: bool = False
    done: Callable[[int], bool]
    stamp: Callable[[int, int, int | None], tuple[int, int | None]]
    begin: Callable[[], None] = lambda: None
    finished: Callable[[int], None] = lambda number: None
    time_base: Fraction | None = None

    def write(self, frame: "SdrFrame | CodedFrame", hdr_pq: "np.ndarray", **inside: "Unpack[Channels]") -> int:
        """The picture that became of a frame of the source, with what else goes into it; returns its pts."""
        self.begin()
        pts, duration = self.stamp(frame.number, frame.pts, frame.duration)
        channels: Channels = {**inside, "alpha": frame.alpha if self.keeps_alpha else None}
        if self.wants_sdr:
            channels["sdr"] = frame.sdr
        self.sink.write(hdr_pq, pts, duration, **channels)
        self.finished(frame.number)
        return pts

    def write_codes(self, frame: "SdrFrame | CodedFrame", planes: "Planes") -> None:
        """The ten-bit codes of one, where ``takes_codes``."""
        from lumaflux.media.video.writer import VideoWriter

        assert isinstance(self.sink, VideoWriter)
        pts, duration = self.stamp(frame.number, frame.pts, frame.duration)
        self.sink.write_codes(planes, pts, duration, frame.sdr if self.wants_sdr else None)
        self.finished(frame.number)


def picture_options(made: "OutputProfile", settings: Settings, job: Job) -> "PictureOptions":
    """How pictures are written; raises UserError for a colour space that the format cannot say."""
    from lumaflux.media.metadata.mastering import container_display
    from lumaflux.media.metadata.stated import HdrMetadata, read_hdr_metadata
    from lumaflux.media.stills.picture_writer import EXR_ACES, SDR_PNG, PictureOptions

    kind = made.picture
    if kind is not None and (kind is SDR_PNG or kind.is_delivered) and job.output_space is not None:
        said = "sdr-png is sRGB" if kind is SDR_PNG else f"{kind.suffixes[0][1:]} is {'HLG' if kind.is_hlg else 'PQ'}"
        raise UserError(f"{said}; leave --output-space out, or deliver another kind of picture")
    stated = read_hdr_metadata(job.stated_metadata) if job.stated_metadata else HdrMetadata()
    spaces = output_spaces(job)
    return PictureOptions(
        display=stated.display or container_display(settings.target_peak),
        stated=stated.light,
        reference_white=settings.reference_white,
        compression=job.exr_compression or ("none" if made.picture is EXR_ACES else "zip"),
        transform=spaces.output if spaces is not None and spaces.converts_output else None,
        overwrite=job.overwrite,
    )


def output_spaces(job: Job) -> "OcioSpaces | None":
    """Raises UserError for a configuration or a space that is not there."""
    if job.ocio is None or job.output_space is None:
        return None
    from lumaflux.media.stills.ocio_spaces import OcioSpaces

    return OcioSpaces(job.ocio, None, job.output_space)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A target to be opened: ``info`` is the source's, ``name`` the delivery, ``made`` its profile."""

    source: Source
    target: Path
    info: "MediaInfo"
    settings: Settings
    job: Job
    name: str
    made: "OutputProfile"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.info.width, self.info.height


def open_target(
    source: Source,
    target: Path,
    info: "MediaInfo",
    settings: Settings,
    job: Job,
    demuxer: "Demuxer | None" = None,
) -> Target:
    """``info``: the source's; ``demuxer``: of the one who reads its pictures, and has its other streams. Raises
    UserError for a target that does not fit or must not be written."""
    from lumaflux.media.encoders import output_profile_by
    from lumaflux.media.stills.sequence_path import SequencePath

    name, made = output_profile_by(job.encoder, job.deliver, target)
    asked = _Asked(source=source, target=target, info=info, settings=settings, job=job, name=name, made=made)
    pattern = SequencePath.parse(target)
    if made.picture is None:
        if pattern is not None and not pattern.may_be_a_name:
            raise UserError(f"{target} numbers a video; name one file, or pictures such as shot.%04d.exr")
        if job.output_space is not None:
            raise UserError("--output-space goes with pictures (EXR, TIFF, DPX, PNG); a video's space is --deliver's")
        return _video(asked, demuxer)
    job.refuse_rates(name)
    if pattern is None:
        raise UserError(
            f"{target} names one picture for many frames; number them, as in {target.stem}.%04d{target.suffix}"
        )
    return _sequence(asked, pattern)


def _video(asked: _Asked, demuxer: "Demuxer | None") -> Target:
    from lumaflux.media.metadata.stated import HdrMetadata, read_hdr_metadata
    from lumaflux.media.video.stream_copy import CopiedStreams
    from lumaflux.media.video.writer import VideoWriter

    source, info, settings, job, name = asked.source, asked.info, asked.settings, asked.job, asked.name
    sequence = source.pattern is not None
    stated = read_hdr_metadata(job.stated_metadata) if job.stated_metadata else HdrMetadata()
    rate = (job.frame_rate or SEQUENCE_RATE) if sequence else info.frame_rate or _UNKNOWN_RATE
    time_base = 1 / rate if sequence else info.time_base or Fraction(1, 1000)
    if asked.made.encoding is None:
        return _frames(asked, rate)
    first: list[int] = []

    def stamp(number: int, pts: int, duration: int | None) -> tuple[int, int | None]:
        if job.frames is None:
            return pts, duration
        first.append(pts) if not first else None
        return pts - first[0], duration

    part = job.frames is not None
    start = None if sequence else _start_of_part(source, time_base, job)
    copied = None
    if not sequence and start is not None:
        copied = CopiedStreams(
            source=info,
            demuxer=demuxer,
            sound=job.copy_audio,
            start=start,
            ends_with_pictures=part or job.limit is not None,
        )
    encoding = _encoding(asked, time_base, rate, stated)
    sink = VideoWriter(asked.target, asked.size, encoding, copied=copied, stated=stated.light, overwrite=job.overwrite)
    if info.audio and start is None:
        sink.notes.append("The sound is left out, for the frames are not one stretch of the clip.")
    if asked.made.transfer == "hlg" and settings.target_peak > 1000:
        sink.notes.append("Light above 1000 cd/m2 is clipped: HLG is written for that nominal peak.")
    return Target(
        sink=sink,
        delivery=name,
        keeps_alpha=asked.made.keeps_alpha,
        takes_codes=sink.takes_codes,
        wants_sdr=sink.wants_sdr,
        done=lambda number: False,
        stamp=stamp,
        time_base=time_base,
    )


def _encoding(asked: _Asked, time_base: Fraction, rate: Fraction, stated: "HdrMetadata") -> "Encoding":
    """How the pictures of a video are coded. Raises UserError for HDR10+ where nothing carries it."""
    from dataclasses import replace

    from lumaflux.media.metadata.mastering import container_display
    from lumaflux.media.output_profiles import video_encoding
    from lumaflux.media.video.hdr10_stream import Hdr10Encoding
    from lumaflux.media.video.sdr_stream import SdrEncoding

    settings, job, name = asked.settings, asked.job, asked.name
    display = stated.display or container_display(settings.target_peak)
    encoding = video_encoding(asked.made, asked.size, time_base, rate, asked.info.sample_aspect_ratio, display)
    encoding = encoding.rated(job.crf, job.encoder_preset)
    if isinstance(encoding, SdrEncoding):
        return replace(encoding, peak_nits=settings.target_peak)
    if job.hdr10plus is None:
        return encoding
    if name == "hdr10" and not isinstance(encoding, Hdr10Encoding):
        raise UserError(f"HDR10+ is written by x265 alone, not by {job.encoder}; leave --encoder or --hdr10plus out")
    if not isinstance(encoding, Hdr10Encoding):
        raise UserError(f"HDR10+ goes into hdr10, not into {name}; leave --hdr10plus out, or --deliver hdr10")
    targeted = round(settings.reference_white) if job.hdr10plus_profile == "b" else 0
    return replace(encoding, dynamic=True, targeted=targeted)


def _frames(asked: _Asked, rate: Fraction) -> Target:
    """Uncompressed, at a rate of their own, without times."""
    from lumaflux.media.video.y4m_writer import Y4mWriter

    source, info, job, name = asked.source, asked.info, asked.job, asked.name
    job.refuse_rates(name)
    if job.hdr10plus is not None:
        raise UserError(f"HDR10+ goes into hdr10, not into {name}; leave --hdr10plus out, or --deliver hdr10")
    sink = Y4mWriter(
        asked.target,
        asked.size,
        rate,
        sample_aspect_ratio=info.sample_aspect_ratio,
        source=source.path if source.pattern is None else None,
        overwrite=job.overwrite,
    )
    if info.audio and job.copy_audio:
        sink.notes.append(f"The sound is left out: {name} holds pictures alone.")
    if info.variable_frame_rate:
        sink.notes.append(f"{name} has no times: the frames follow each other at {float(rate):.3f} frames/s.")
    return Target(
        sink=sink,
        delivery=name,
        keeps_alpha=False,
        done=lambda number: False,
        stamp=lambda number, pts, duration: (pts, duration),
        time_base=info.time_base or 1 / rate,
    )


def _start_of_part(source: Source, time_base: Fraction, job: Job) -> Fraction | None:
    """When the frames that are asked for begin, in seconds; None where they are not one stretch of the clip."""
    numbers = chosen(job)
    if numbers is None:
        return Fraction(0)
    times = source.times
    if times is None or numbers[-1] - numbers[0] + 1 != len(numbers) or not 0 <= numbers[0] < len(times.pts):
        return None
    return times.pts[numbers[0]] * time_base


def _sequence(asked: _Asked, pattern: "SequencePath") -> Target:
    from dataclasses import replace
    from functools import cache

    from lumaflux.media.stills.sequence_writer import SequenceWriter
    from lumaflux.render.manifest import FrameInputs, claim, input_digest, manifest_of, may_keep

    source, info, settings, job, name = asked.source, asked.info, asked.settings, asked.job, asked.name
    picture = asked.made.picture
    assert picture is not None
    if job.hdr10plus is not None:
        raise UserError("HDR10+ metadata is made with an HDR10 video; leave --hdr10plus out, or name a .mp4")
    if name == "ultra-hdr" or picture.is_delivered:
        raise UserError(f"{name} is for photographs; write a sequence as png, tiff, exr or dpx")
    options = replace(picture_options(asked.made, settings, job), pixel_aspect=float(info.sample_aspect_ratio))
    incoming = source.pattern
    if incoming is not None and incoming.pattern.resolve() == pattern.pattern.resolve():
        raise UserError(f"{pattern.pattern} is the input itself; choose another name for the output.")
    sink = SequenceWriter(pattern, picture, options, asked.size)
    sound = (f"The sound is left out: {name} holds pictures alone.",) if info.audio and job.copy_audio else ()
    inputs = FrameInputs(pattern)
    manifest = manifest_of(source, settings, job, name)
    keep = may_keep(pattern, manifest, overwrite=job.overwrite, resume=job.resume)
    if keep:  # a damaged or outdated frame among those that are kept is made again
        sink = SequenceWriter(pattern, picture, replace(options, overwrite=True), asked.size)
        inputs.read()
    sink.notes += sound

    @cache
    def begin() -> None:
        if not (keep or claim(pattern, manifest, overwrite=job.overwrite, resume=job.resume)):
            inputs.clear()

    first = source.numbers[0] if incoming is not None and job.start_number is not None else 0
    shift = 0 if job.start_number is None else job.start_number - first

    def made_of(number: int) -> list[int]:
        """The frames of the source that this one is made of, at most."""
        if incoming is None or not job.motion_blending:
            return [number]
        from lumaflux.inference.gain_blending import REACH

        numbers = source.numbers
        place = bisect_left(numbers, number)
        return [number, *numbers[max(0, place - REACH) : place + REACH + 1]]

    def done(number: int) -> bool:
        return keep and inputs.same(number, input_digest(source, made_of(number))) and sink.holds(number + shift)

    return Target(
        sink=sink,
        delivery=name,
        keeps_alpha=asked.made.keeps_alpha,
        done=done,
        begin=begin,
        stamp=lambda number, pts, duration: (number + shift, 1),
        finished=lambda number: inputs.add(number, input_digest(source, made_of(number))),
    )
