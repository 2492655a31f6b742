"""Opens what is converted as a stream of frames: a clip or a numbered sequence."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from lumaflux.errors import UserError
from lumaflux.render.job import Job

if TYPE_CHECKING:
    from lumaflux.media.metadata.info import MediaInfo
    from lumaflux.media.video.reader import SdrFrame

SEQUENCE_RATE = Fraction(24)  # frames/s, where the user names none


class Source(Protocol):
    """A reader of frames; see :class:`lumaflux.media.video.reader.VideoReader`."""

    info: "MediaInfo"
    notes: list[str]
    damaged: int

    def frames(self, wants: Callable[[int], bool] = ...) -> "Iterator[SdrFrame]": ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def open_source(source: Path, job: Job) -> Source:
    """Raises UserError for what cannot be read."""
    from lumaflux.media.stills.sequence_path import SequencePath
    from lumaflux.media.stills.sequence_reader import SequenceReader
    from lumaflux.media.video.reader import VideoReader

    raw = job.input_space is not None
    if (pattern := SequencePath.parse(source)) is not None:
        numbers = list(chosen(job)) if job.frames is not None or job.preview is not None else None
        rate = job.frame_rate or SEQUENCE_RATE
        return SequenceReader(
            pattern,
            numbers,
            frame_rate=rate,
            allow_hdr=job.force_sdr,
            keep_going=job.keep_going,
            raw=raw,
            transfer=job.input_transfer,
        )
    return VideoReader(
        source, allow_hdr=job.force_sdr or raw, interlaced=job.interlaced, keep_going=job.keep_going, raw=raw
    )


def chosen(job: Job) -> list[int]:
    """The source's frame numbers that the job asks for, rising. Raises UserError for none."""
    from lumaflux.media.stills.frame_numbers import parse_frames

    if job.preview is not None:
        return [job.preview]
    if job.frames is None:
        raise UserError("no frames are named")
    return sorted({int(number) for number in parse_frames(job.frames)})


def frames_to_come(source: Source, job: Job) -> int | None:
    """How many frames there will be, where that is known."""
    numbers = getattr(source, "numbers", None)
    if numbers is not None:
        stated = len(numbers)
    elif job.frames is not None or job.preview is not None:
        stated = len(chosen(job))
    else:
        stated = source.info.frame_count
    known = [count for count in (stated, job.limit) if count]
    return min(known) if known else None
