"""What is rendered: a clip or a numbered sequence, read in one pass or by frame numbers, the same either way.

A clip's frames count from 0; those of a sequence have the numbers of their files.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from lumaflux.digests import file_digest, text_digest
from lumaflux.errors import FrameError, UserError, refuse_bytes
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.options import SourceOptions
from lumaflux.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.media.metadata.info import MediaInfo
    from lumaflux.media.stills.ocio_spaces import OcioSpaces
    from lumaflux.media.video.numbered_frames import FrameTimes, NumberedFrames
    from lumaflux.media.video.reader import SdrFrame


class Reader(Protocol):
    """One pass over a source; see :class:`lumaflux.media.video.reader.VideoReader`."""

    info: "MediaInfo"
    notes: list[str]

    @property
    def damaged(self) -> int: ...

    def frames(self, wants: Callable[[int], bool] = ...) -> "Iterator[SdrFrame]": ...

    def check_whole(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Source:
    """``path``: a video, or a sequence as ``name.%04d.ext``, ``name.####.ext`` or ``name.[1001-1100].ext``.

    Nothing is opened before it is asked for. Pictures come in BT.709 R'G'B' for BT.1886, float32 [3,H,W] in [0,1],
    whatever space ``options`` say that they are stored in; where ``raw``, as they are stored.
    """

    def __init__(
        self, path: Path, options: SourceOptions | None = None, *, keep_going: bool = False, raw: bool = False
    ):
        """Raises UserError for two numbers in a name, and for one that is no UTF-8."""
        refuse_bytes(str(path))
        self.path, self.options, self.keep_going = path, options or SourceOptions(), keep_going
        self.raw = raw or self.options.raw
        self.pattern = SequencePath.parse(path)

    @property
    def kind(self) -> Literal["video", "sequence"]:
        return "video" if self.pattern is None else "sequence"

    def going_on(self) -> "Source":
        """The same, whose damaged frames are left out."""
        return Source(self.path, self.options, keep_going=True, raw=self.raw)

    def open(self, numbers: Sequence[int] | None = None) -> Reader:
        """A pass over the whole, or of a sequence over ``numbers`` (from its first to its last, if None).

        Raises UserError for what cannot be read, and for missing pictures.
        """
        from lumaflux.media.stills.exr import refuse_layer
        from lumaflux.media.stills.sequence_reader import SequenceReader
        from lumaflux.media.video.reader import VideoReader

        options = self.options
        if self.pattern is not None:
            reader: Reader = SequenceReader(self.pattern, numbers, options, keep_going=self.keep_going)
        else:
            refuse_layer(options.layer, str(self.path))
            reader = VideoReader(
                self.path,
                allow_hdr=options.force_sdr or self.raw,
                interlaced=options.interlaced,
                keep_going=self.keep_going,
                raw=self.raw,
            )
        return reader if self._spaces is None else _InSdr(reader, self._spaces)

    def read(self, numbers: Sequence[int]) -> "Generator[SdrFrame, None, None]":
        """The frames of ascending ``numbers``. Raises FrameError or UserError at the first that cannot be read."""
        if self.pattern is None:
            frames = (replace(frame, number=number) for number, frame in self._video.read(numbers))
        else:
            frames = (self._picture(self.pattern, number) for number in numbers)
        for frame in frames:
            yield frame if self._spaces is None else replace(frame, sdr=self._spaces.sdr(frame.sdr), codes=None)

    def _picture(self, pattern: SequencePath, number: int) -> "SdrFrame":
        from lumaflux.media.stills.sequence_reader import read_frame, resolved_options

        options = resolved_options(self.info, self.options)[0]
        try:
            return read_frame(pattern, number, self.info, options, first=self.numbers[0])[0]
        except UserError as error:
            raise FrameError(str(error)) from error

    @cached_property
    def info(self) -> "MediaInfo":
        """Of a sequence, the first picture's. Raises UserError for a picture that stands alone, and for HDR."""
        from lumaflux.media.metadata.info import probe
        from lumaflux.media.video.reader import refuse_hdr

        found = probe(self.path if self.pattern is None else self.pattern.file(self.numbers[0]), self.options.layer)
        if self.pattern is None and found.kind != "video":
            path = self.path
            raise UserError(f"{path} is one picture; name a video, or a sequence as {path.stem}.%04d{path.suffix}")
        if not self.options.force_sdr and not self.raw:
            refuse_hdr(found)
        return found

    @cached_property
    def numbers(self) -> list[int]:
        """The frames that are there. Raises UserError for a clip whose container does not say how many it has."""
        if self.pattern is not None:
            return self.pattern.numbers()
        count = len(self._video) or self.info.frame_count
        if not count:
            raise UserError(f"{self.path} does not say how many frames it has; put it into .mp4 or .mkv first.")
        return list(range(count))

    @cached_property
    def digest(self) -> str:
        """What tells it from others: of every byte of a clip; of a sequence the naming and the size only, so that a
        picture may come later (pictures have their own)."""
        if self.pattern is None:
            return file_digest(self.path)
        return text_digest(f"{self.pattern.printf.name} {self.info.width}x{self.info.height}")

    def frame_digest(self, number: int) -> str:
        """What tells this frame's input from another; empty for a clip's, which the whole's digest covers."""
        return "" if self.pattern is None else file_digest(self.pattern.file(number))

    @property
    def times(self) -> "FrameTimes | None":
        """Of a clip: when its frames show, where the container says so."""
        return self._video.times

    @cached_property
    def _video(self) -> "NumberedFrames":
        from lumaflux.media.video.numbered_frames import NumberedFrames

        options = self.options
        allow_hdr = options.force_sdr or self.raw
        return NumberedFrames(self.path, allow_hdr=allow_hdr, interlaced=options.interlaced, raw=self.raw)

    @cached_property
    def _spaces(self) -> "OcioSpaces | None":
        if self.options.input_space is None:
            return None
        from lumaflux.media.stills.ocio_spaces import OcioSpaces

        return OcioSpaces(os.fspath(self.options.ocio or ""), self.options.input_space, None)


class _InSdr:
    """A pass whose pictures come from a space of OpenColorIO."""

    def __init__(self, reader: Reader, spaces: "OcioSpaces"):
        self._reader, self._spaces = reader, spaces
        self.info, self.notes = reader.info, reader.notes
        self.demuxer = getattr(reader, "demuxer", None)

    @property
    def damaged(self) -> int:
        return self._reader.damaged

    def frames(self, wants: Callable[[int], bool] = lambda number: True) -> "Iterator[SdrFrame]":
        for frame in self._reader.frames(wants):
            yield replace(frame, sdr=self._spaces.sdr(frame.sdr), codes=None)

    def check_whole(self) -> None:
        self._reader.check_whole()

    def __enter__(self) -> Self:
        self._reader.__enter__()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._reader.__exit__(kind, error, trace)


class Neighbors:
    """The pictures of a source by number, in one stream for those that follow each other."""

    def __init__(self, source: Source):
        self._source = source
        self._stream: Generator[SdrFrame, None, None] | None = None
        self._place = 0  # of the picture that the stream gives next

    def read(self, number: int) -> "np.ndarray | None":
        """None for a frame that is not there or, where the source keeps going, cannot be read."""
        found = self.frame(number)
        return None if found is None else found.sdr

    def frame(self, number: int) -> "SdrFrame | None":
        """The same, with its alpha."""
        numbers = self._source.numbers
        place = bisect_left(numbers, number)
        if place == len(numbers) or numbers[place] != number:
            return None
        if self._stream is None or place != self._place:
            self.close()
            self._stream = self._source.read(numbers[place:])
        self._place = place + 1
        try:
            return next(self._stream)
        except (UserError, OSError, StopIteration):
            self._stream = None
            if self._source.keep_going:
                return None
            raise

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def settings_for(settings: Settings, info: "MediaInfo", source: Path) -> tuple[Settings, tuple[str, ...]]:
    """The settings with the kind of source that ``info`` (of a sequence the first picture's) tells, and a note on it;
    as they are where nothing is told, or a person has said it."""
    from lumaflux.media.metadata.origin import kind_of

    if settings.source != "auto" or settings.strength == 0.0 or settings.auto_tone == 0.0:
        return settings, ()
    found = kind_of(info)
    if found is None:
        return settings, ()
    kind, fact = found
    word = {"camera": "camera material", "graded": "a graded master"}[kind]
    return replace(settings, source=kind), (f"{source} is read as {word}, by {fact}; --source says otherwise.",)
