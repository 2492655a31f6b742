"""SDR video in: streams upright BT.709 R'G'B' frames with the source's own time stamps."""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lumaflux.errors import FrameError, UserError
from lumaflux.media.metadata.media_info import MediaInfo
from lumaflux.media.metadata.sdr_signal import to_video
from lumaflux.media.stills.orientation import Orientation
from lumaflux.media.video.beside import crop_of, has_alpha_beside
from lumaflux.media.video.clock import CLOCK, LEAPING, DecodingTimes, FrameClock, PacketClock, moved, restamped
from lumaflux.media.video.coded_frame import CodedFrame, SourceCodes
from lumaflux.media.video.completeness import missing_end
from lumaflux.media.video.continuity import hole, second_link
from lumaflux.media.video.decoder import PictureDecoder
from lumaflux.media.video.deinterlacer import deinterlaced
from lumaflux.media.video.demuxer import Demuxer, selected
from lumaflux.media.video.edit_list import refuse_unplayed_edits
from lumaflux.media.video.frame_planes import FramePlanes
from lumaflux.media.video.last_picture import LastPicture
from lumaflux.media.video.probe import Begun, describe_video
from lumaflux.media.video.source import open_container, video_stream
from lumaflux.options import Interlaced

if TYPE_CHECKING:
    import av


_LATE = 10.0  # seconds; MPEG transport streams start at a second or two


@dataclass(frozen=True, kw_only=True)
class SdrFrame:
    """``sdr``: non-linear BT.709 R'G'B' float32 [3,H,W] in [0,1]; ``pts`` and ``duration`` in ``time_base`` seconds.

    ``duration`` is None where the source does not say; ``number`` counts from 0, or is that of a sequence's file;
    ``alpha`` [H,W] in [0,1] is not multiplied in; ``codes`` are what ``sdr`` was made of, where they say all of it.
    """

    sdr: np.ndarray
    pts: int
    time_base: Fraction
    duration: int | None
    number: int = 0
    alpha: np.ndarray | None = None
    codes: SourceCodes | None = None


def refuse_hdr(info: MediaInfo) -> None:
    """Raise UserError when ``info`` says PQ, HLG or Dolby Vision, by whatever words."""
    if info.is_hdr:
        said = info.hdr or info.transfer.value.upper()
        raise UserError(
            f"{info.path} is HDR already ({said}); give an SDR file, or read it as if it were SDR with --force-sdr."
        )


class VideoReader:
    """Iterates over the frames of a video, one at a time, in presentation order; a context manager.

    Times start at 0, where the earliest of pictures and sound does, and rise; what was mended is said in ``notes``.
    ``info`` describes the source; ``demuxer`` gives its other streams to one who claims them. Pictures come upright, in
    BT.709 for BT.1886 (other tagged primaries and transfers are converted in light and clipped), with range and matrix
    honoured. HDR input is refused unless ``allow_hdr``, which reads its signal as if it were SDR. ``interlaced`` ones
    are refused, deinterlaced, or taken for progressive. ``keep_going`` leaves out what cannot be decoded and counts it
    in ``damaged``. ``raw`` keeps the stored primaries. Iterating reads the whole and ends in :meth:`check_whole`.
    Raises UserError for what cannot be read, FrameError for a frame that cannot be decoded.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        allow_hdr: bool = False,
        interlaced: Interlaced = "refuse",
        keep_going: bool = False,
        raw: bool = False,
    ):
        self._interlaced, self._keep_going = interlaced, keep_going
        self._container = open_container(path)
        try:
            self._stream = video_stream(self._container, path)
            self._decoder = PictureDecoder(self._stream, alpha_beside=has_alpha_beside(self._stream))
            self.demuxer = Demuxer(self._container, self._stream, path)
            self.info, self._begun = describe_video(self._container, self._stream, path, self.demuxer.of_pictures())
            self._decoder.begin()
            if not allow_hdr:
                refuse_hdr(self.info)
            refuse_unplayed_edits(path, self.info.container, self._stream.id)
            if self.info.interlaced:
                self._refuse_interlaced(0)
        except BaseException:
            self._container.close()
            raise
        self.damaged = 0
        self.notes: list[str] = []
        where = self.info.path
        self._planes = FramePlanes(self.info.matrix.value, self.info.range.value == "full", where)
        stored = self.info.is_hdr or raw
        self._to_bt709 = None if stored else to_video(self.info.primaries.value, self.info.transfer.value, where)
        self._crop = crop_of(where, self.info.container, *self.info.coded_size)
        self._first_pts: int | None = None
        self._time_base = self._stream.time_base or CLOCK
        self._origin = self.info.first_stamp
        self._packet_clock = PacketClock(self._time_base, leaps=self.info.container in LEAPING)
        self._turns = DecodingTimes() if self.info.times_of_decoding else None
        self._last = LastPicture(self._stream, self.info.container)
        self._frames = self._packets = self._first_size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def begin_at(self, pts: int, key_pts: int | None) -> None:
        """Before iterating: leave out the frames before ``pts``. Decoding begins at the key frame ``key_pts``, or at
        the file's beginning."""
        self.demuxer.begin()
        if key_pts is not None:
            self._container.seek(key_pts + self._origin, stream=self._stream)
            self._begun = Begun(packets=[], rest=selected(self._container, self._stream))
        self._first_pts = pts

    def __iter__(self) -> Iterator[SdrFrame]:
        yield from self.frames()
        self.check_whole()

    def frames(self, wants: Callable[[int], bool] = lambda number: True) -> Iterator[SdrFrame]:
        """The frames whose numbers, counted from 0, are wanted; the others are decoded only."""
        for frame, pts, duration, number in self._chosen(wants):
            yield self._frame(frame, pts, duration, number)

    def coded_frames(self, wants: Callable[[int], bool] = lambda number: True) -> Iterator[SdrFrame | CodedFrame]:
        """The same, as codes where these say all that there is to say: 8 bits of 4:2:0 in BT.709, upright, whole."""
        for frame, pts, duration, number in self._chosen(wants):
            codes = self._codes(frame)
            if codes is None:
                yield self._frame(frame, pts, duration, number)
                continue
            self._check_size(frame, number)
            yield CodedFrame(codes=codes, pts=pts, time_base=self._time_base, duration=duration, number=number)

    def _chosen(self, wants: Callable[[int], bool]) -> Iterator[tuple[Any, int, int | None, int]]:
        """Wanted frames as decoded, with their times and numbers."""
        step = round(1 / (self.info.frame_rate or Fraction(25)) / self._time_base)
        clock = FrameClock(step, self._time_base)
        frames = restamped(self._whole(), clock)
        if self._interlaced == "deinterlace":
            frames = deinterlaced(frames, self._stream)
        for number, frame in enumerate(frames):
            pts, duration = frame.pts, frame.duration or None
            if self._first_pts is not None and pts < self._first_pts:
                continue
            if not wants(number):
                continue
            yield frame, pts, duration, number
        self._note_time(clock)

    def _codes(self, frame: Any) -> SourceCodes | None:
        upright = self.info.orientation == Orientation() and not self._crop and self._to_bt709 is None
        return self._planes.codes(frame) if upright else None

    def _frame(self, frame: Any, pts: int, duration: int | None, number: int) -> SdrFrame:
        alpha = self._planes.alpha(frame)
        return SdrFrame(
            sdr=self._sdr(frame, number),
            pts=pts,
            time_base=self._time_base,
            duration=duration,
            number=number,
            alpha=None if alpha is None else self.info.orientation.apply(self._crop.apply(alpha)),
            codes=self._codes(frame),
        )

    def _note_time(self, clock: FrameClock) -> None:
        start = float(self._origin * self._time_base)
        if abs(start) > _LATE:
            self.notes.append(f"{self.info.path} starts at {start:.2f} s; the output starts at 0.")
        restarts = self._packet_clock.parts - 1 + clock.restarts
        if restarts:
            self.notes.append(
                f"The clock of {self.info.path} restarts or leaps at {restarts} places; its parts follow each other."
            )
        if clock.repaired:
            self.notes.append(
                f"{clock.repaired} frames of {self.info.path} had the time of another; they were put between or after."
            )

    def _note_aspect(self, number: int, before: Fraction, after: Fraction) -> None:
        """Decoders of several threads state it some frames ahead."""
        kept = self.info.sample_aspect_ratio
        self.notes.append(
            f"{self.info.path} changes its pixel aspect near frame {number} from {before} to {after}; the output has "
            f"{kept} throughout: split it there."
        )

    def _whole(self) -> Iterator[Any]:
        """The decoded frames that may be converted."""
        stated, aspect = self._stream.codec_context, None
        for number, frame in enumerate(self._decoded()):
            if stated.sample_aspect_ratio not in (None, aspect):
                if aspect is not None:
                    self._note_aspect(number, aspect, stated.sample_aspect_ratio)
                aspect = stated.sample_aspect_ratio
            if frame.is_corrupt and number:  # the first ones of a stream may lack what came before its beginning
                self._count_damage(number, "it lacks a part")
            if frame.interlaced_frame:
                self._refuse_interlaced(number)
            yield frame

    def _decoded(self) -> Iterator[Any]:
        from av.error import FFmpegError

        self.demuxer.begin()
        number = 0
        packet_source = itertools.chain(self._begun.packets, self._begun.rest)
        self._begun = Begun(packets=[], rest=self._begun.rest)
        while True:
            try:
                packet = next(packet_source, None)
            except FFmpegError as error:
                self._count_damage(number, error.strerror)
                break
            if packet is None:
                break
            self._packets += 1 if packet.size else 0
            self._first_size = self._first_size or packet.size
            self._last.add(packet)
            try:
                for frame in self._decoder.decode(self._in_time(packet)):
                    if self._turns is not None:
                        frame.pts = self._turns.frame(frame.pts)
                    yield frame
                    self._frames = number = number + 1
            except FFmpegError as error:
                self._count_damage(number, error.strerror)
            except ValueError as error:
                self._count_damage(number, str(error))

    def check_whole(self) -> None:
        """After the last frame of a pass over everything: whether the file's structure says that frames are missing.

        It may read all its bytes, so of several passes one asks. Raises FrameError, or counts, as damage does.
        """
        path, container = self.info.path, self.info.container
        index = self._stream.index_entries if container.startswith("mov") else ()
        if self._packets < len(index):
            missing = f"{len(index) - self._packets} of {len(index)} pictures are missing"
        else:
            missing = missing_end(path, container, self._first_size) or hole(path, container, self._stream.id)
        if lost := self._decoder.lost():
            missing = missing or f"{lost} of its pictures gave no frame"
        if missing := missing or self._last.cut():
            self._count_damage(self._frames, missing)

    def _in_time(self, packet: Any) -> Any:
        """``packet`` by a clock that starts at 0 and goes on where the file's restarts or leaps."""
        if packet.size:
            clock = self._packet_clock  # what an edit list does not play has times that fall back and leap
            shift = clock.shifts[-1] if packet.is_discard else clock.shift(packet.dts, packet.duration)
            shift -= self._origin
            packet.pts, packet.dts = moved(packet.pts, shift), moved(packet.dts, shift)
            if self._turns is not None:
                self._turns.packet(packet.pts, packet.dts)
        return packet

    def _count_damage(self, number: int, reason: str | None) -> None:
        self.damaged += 1
        if not self._keep_going:
            link = second_link(self.info.path) if self.info.container == "ogg" else None
            if link is not None:
                raise FrameError(
                    f"{self.info.path} is chained Ogg: another stream begins at byte {link}; split it there (frame "
                    f"{number}), or convert what can be decoded with --keep-going."
                )
            raise FrameError(
                f"{self.info.path} cannot be decoded after frame {number} ({reason}); it is damaged there: repair it, "
                "or convert the rest with --keep-going."
            )

    def _refuse_interlaced(self, number: int) -> None:
        if self._interlaced == "refuse":
            kind = FrameError if number else UserError
            raise kind(
                f"{self.info.path} is interlaced (frame {number}); deinterlace it with --interlaced deinterlace, or "
                "take it for progressive with --interlaced progressive."
            )

    def _check_size(self, frame: "av.VideoFrame", number: int) -> None:
        turned = self.info.orientation
        size = turned.size(*self._crop.size(frame.width, frame.height))
        if size != (self.info.width, self.info.height):
            raise FrameError(
                f"{self.info.path} changes its picture size at frame {number} to {size[0]}x{size[1]}; split it there."
            )

    def _sdr(self, frame: "av.VideoFrame", number: int) -> np.ndarray:
        self._check_size(frame, number)
        sdr = self.info.orientation.apply(self._crop.apply(self._planes.rgb(frame)))
        return sdr if self._to_bt709 is None else self._to_bt709(sdr)
