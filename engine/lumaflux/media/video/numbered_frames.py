"""Any frames of a video by number, exactly those that reading it from its beginning gives."""

import bisect
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from lumaflux.errors import FrameError
from lumaflux.media.video.clock import CLOCK, LEAPING, PacketClock, by_decoding, first_stamp
from lumaflux.media.video.demuxer import selected
from lumaflux.media.video.reader import SdrFrame, VideoReader
from lumaflux.media.video.source import open_container, video_stream
from lumaflux.options import Interlaced

_FIRST = 240  # packets that tell whether a container has presentation times
_NEAR = 8  # frames that are rather decoded and dropped than jumped over


@dataclass(frozen=True, kw_only=True)
class FrameTimes:
    """``pts`` of the frames in the order in which they show; ``keys``, those of them that decoding can begin at.

    ``last_duration`` is that of the last frame, None where the file does not say.
    """

    pts: list[int]
    keys: list[int]
    last_duration: int | None = None


def frame_times(path: str | os.PathLike) -> FrameTimes | None:
    """Read from the packets, nothing is decoded; None where they do not say, as in raw streams, or say it wrongly.

    Times start at 0, as :class:`VideoReader`'s do.
    """
    with open_container(path) as container:
        stream = video_stream(container, path)
        reorders = bool(stream.codec_context.has_b_frames)
        time_base = stream.time_base or CLOCK
        clock = PacketClock(time_base, leaps=container.format.name in LEAPING)
        stamps: list[tuple[int, int | None]] = []
        keys, last_duration, last = [], None, None
        for packet in selected(container, stream):
            if packet.size == 0 or packet.is_discard:
                continue
            if packet.pts is None:
                return None
            clock.shift(packet.dts, packet.duration)
            if not stamps and not packet.is_keyframe:
                return None
            stamps.append((packet.pts, packet.dts))
            if last is None or packet.pts > last:
                last, last_duration = packet.pts, packet.duration or None
            if packet.is_keyframe:
                keys.append(packet.pts)
        start = first_stamp(container, stream, stamps)  # type: ignore[arg-type]
        if by_decoding(container.format.name, stamps[:_FIRST], reorders):
            return None
    pts = sorted(pts - start for pts, _ in stamps)
    if clock.parts > 1 or len(set(pts)) != len(pts) or not keys or pts[0] != stamps[0][0] - start:
        return None
    return FrameTimes(pts=pts, keys=sorted(key - start for key in keys), last_duration=last_duration)


class NumberedFrames:
    """Frames of a video by their 0-based number; a context manager around one VideoReader."""

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        allow_hdr: bool = False,
        interlaced: Interlaced = "refuse",
        raw: bool = False,
    ):
        self.path, self.times = path, frame_times(path)
        self._open = partial(VideoReader, path, allow_hdr=allow_hdr, interlaced=interlaced, raw=raw)
        self._in_order = interlaced == "deinterlace"  # a frame's fields are filtered with its neighbors'
        self._count: int | None = None

    def __len__(self) -> int:
        """How many there are; counted by decoding where the packets do not say."""
        if self._count is None:
            self._count = len(self.times.pts) if self.times else self._decoded()
        return self._count

    def _decoded(self) -> int:
        count = 0

        def seen(number: int) -> bool:
            nonlocal count
            count = number + 1
            return False

        with VideoReader(self.path, allow_hdr=True, interlaced="progressive", keep_going=True) as reader:
            for _ in reader.frames(seen):
                pass
        return count

    def read(self, numbers: Sequence[int]) -> Iterator[tuple[int, SdrFrame]]:
        """The frames with these ascending numbers. Raises FrameError at one that is not there or does not decode."""
        if not numbers:
            return
        if self.times is None or self._in_order:
            yield from self._from_the_beginning(numbers)
            return
        if numbers[-1] >= len(self.times.pts) or numbers[0] < 0:
            raise FrameError(f"{self.path} has {len(self.times.pts)} frames, so none with the number {numbers[-1]}.")
        for run in _runs(numbers):
            yield from self._run(run)

    def _from_the_beginning(self, numbers: Sequence[int]) -> Iterator[tuple[int, SdrFrame]]:
        wanted = iter(numbers)
        following = next(wanted)
        with self._open() as reader:
            for number, frame in enumerate(reader.frames()):
                if number == following:
                    yield number, frame
                    if (following := next(wanted, -1)) < 0:
                        return
        raise FrameError(f"{self.path} ends before its frame {following}.")

    def _run(self, run: Sequence[int]) -> Iterator[tuple[int, SdrFrame]]:
        from av.error import FFmpegError

        assert self.times is not None
        pts, keys = self.times.pts, self.times.keys
        wanted = {pts[number]: number for number in run}
        start = bisect.bisect_right(keys, pts[run[0]]) - 1
        # A key frame that decoding cannot really begin at shows by the first frame that is missing.
        for attempt in dict.fromkeys((start, start - 1, -1)):
            with self._open() as reader:
                try:
                    reader.begin_at(pts[run[0]], keys[attempt] if attempt >= 0 else None)
                except FFmpegError:  # a damaged index: the beginning is found without
                    continue
                left = len(run)
                for frame in reader.frames():
                    if left == len(run) and frame.pts != pts[run[0]]:
                        break
                    if frame.pts in wanted:
                        yield wanted[frame.pts], frame
                        if not (left := left - 1):
                            return
                if left < len(run):
                    break
        raise FrameError(f"{self.path} lacks some of its frames {run[0]} to {run[-1]}; it is damaged there.")


def _runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    run = [numbers[0]]
    for number in numbers[1:]:
        if number - run[-1] > _NEAR:
            yield run
            run = []
        run.append(number)
    yield run
