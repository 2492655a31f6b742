"""Time stamps brought in order: output starts at 0; clocks that restart, leap, repeat or stand still are mended.

Frames come from the decoder in the order in which they are seen; a container's stamps may say another (H.264 with B
frames in AVI, ASF or MXF, which store no presentation times). The decoder's order counts, and the stamps are fitted to
it. Times here are in ticks of the stream's time base.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

CLOCK = Fraction(1, 90000)  # seconds: MPEG's, where a container has none
_MICROSECOND = Fraction(1, 1_000_000)
_PRIMING = Fraction(1, 10)  # seconds that sound may start before 0: samples that a decoder drops
_BACK = Fraction(1, 2)  # seconds: a clock that falls back by more has been started anew
_LEAP = 10  # seconds: MPEG clocks that leap further belong to another recording
_LEAP_FRAMES = 100  # and so many frame durations: slides are no leaps
_FURTHEST = 1 << 56  # ticks: two years of nanoseconds
_REORDERING = 17  # pictures that a decoder may hold back (H.264 A.3.1: 16 frames)
NO_PRESENTATION_TIMES = ("avi", "asf", "mxf")  # containers that store decoding times alone, or may
LEAPING = ("mpegts", "mpeg")


def origin(container: Any) -> Fraction:
    """Seconds at which an open container starts, by the earliest of its pictures and sound."""
    start = container.start_time
    if start is None:
        return Fraction(0)
    seconds = start * _MICROSECOND
    return Fraction(0) if -_PRIMING <= seconds <= 0 else seconds


def first_stamp(container: Any, stream: Any, stamps: list[tuple[int | None, int | None]]) -> int:
    """The stamp of ``stream`` that is the output's 0; ``stamps``: pts and dts of its first packets."""
    time_base = stream.time_base or CLOCK
    if container.streams.audio:
        return ticks(origin(container), time_base)
    shown = [pts for pts, _ in stamps if pts is not None]
    return min(shown) if shown else 0


def moved(stamp: int | None, shift: int) -> int | None:
    """None for a stamp that no clock has: damage makes them, and they do not fit into 64 bits when moved."""
    return None if stamp is None or abs(stamp + shift) > _FURTHEST else stamp + shift


def ticks(seconds: Fraction, time_base: Fraction) -> int:
    return round(seconds / time_base)


def by_decoding(container: str, stamps: Sequence[tuple[int | None, int | None]], reorders: bool) -> bool:
    """Whether the presentation times of a stream that may reorder are decoding times in truth.

    ``container``: libavformat's name; ``stamps``: pts and dts of the first packets in the order of the file.
    """
    if len(stamps) < 3 or any(pts is None or dts is None for pts, dts in stamps):
        return False
    rising = all(a[0] < b[0] for a, b in itertools.pairwise(stamps))  # type: ignore[operator]
    equal = all(pts == dts for pts, dts in stamps)
    if container in NO_PRESENTATION_TIMES:
        return rising and (reorders or not equal)
    return rising and reorders and equal


class PacketClock:
    """Joins the parts of a stream whose clock restarts or leaps; asked of every packet in the order of the file.

    ``leaps``: a long step forward is a leap too, as in MPEG streams.
    """

    def __init__(self, time_base: Fraction, *, leaps: bool):
        self._back = ticks(_BACK, time_base)
        self._leap = ticks(Fraction(_LEAP), time_base) if leaps else None
        self._end: int | None = None
        self._last: int | None = None
        self.shifts = [0]  # of each part

    def shift(self, dts: int | None, duration: int | None) -> int:
        """What is added to the packet's stamps."""
        if dts is None:
            return self.shifts[-1]
        step = duration or 1
        if self._last is not None and self._end is not None:
            fallen = dts < self._last - self._back
            if fallen or (self._leap and dts > self._end + max(self._leap, _LEAP_FRAMES * step)):
                self.shifts.append(self._end + self.shifts[-1] - dts)
        self._last, self._end = dts, dts + step
        return self.shifts[-1]

    @property
    def parts(self) -> int:
        return len(self.shifts)


class DecodingTimes:
    """Gives the frames of a stream without presentation times its decoding times in turn."""

    def __init__(self) -> None:
        self._slots: deque[int] = deque()
        self._place: dict[int, int] = {}  # number of a packet by its pts
        self._packets = self._given = 0

    def packet(self, pts: int | None, dts: int | None) -> None:
        """A packet goes to the decoder."""
        if pts is not None and dts is not None:
            self._slots.append(dts)
            self._place[pts] = self._packets
            self._packets += 1

    def frame(self, pts: int | None) -> int | None:
        """When the frame that came out is seen; ``pts`` is its packet's. Packets that gave no frame lose their turn."""
        own = None if pts is None else self._place.pop(pts, None)
        while own is not None and self._slots and own - self._given > _REORDERING:
            self._slots.popleft()
            self._given += 1
        if not self._slots:
            return None
        self._given += 1
        return self._slots.popleft()


class FrameClock:
    """Rising times for frames in the order in which they are seen.

    ``step``: a frame's duration where none is stated. ``repaired`` counts the frames that had no time of their own,
    ``restarts`` the times that the clock fell back.
    """

    def __init__(self, step: int, time_base: Fraction):
        self._step = max(1, step)
        self._back = ticks(_BACK, time_base)
        self.repaired = self.restarts = 0

    def times(self, stamps: Iterable[tuple[int | None, int | None]]) -> Iterator[tuple[int, int | None]]:
        """(pts, duration) of each (pts or None, duration or None); looks one frame ahead."""
        shift, last, ahead = 0, None, iter(stamps)
        current = next(ahead, None)
        previous_duration = self._step
        while current is not None:
            following = next(ahead, None)
            pts, duration = current
            expected = 0 if last is None else last + previous_duration
            time = expected if pts is None else pts + shift
            if last is not None and time <= last:
                self.repaired += 1
                if last - time > self._back:
                    shift += expected - time
                    self.restarts += 1
                after = None if following is None or following[0] is None else following[0] + shift
                room = after is not None and last + 1 < after <= expected
                time = (last + after) // 2 if room and after is not None else expected
            yield time, duration
            last, previous_duration = time, duration or self._step
            current = following


def restamped(frames: Iterable[Any], clock: FrameClock) -> Iterator[Any]:
    """``av.VideoFrame``s with the clock's times; what ``frames`` raise is raised after the last of them."""
    waiting: deque[Any] = deque()
    failure: list[Exception] = []

    def stamps() -> Iterator[tuple[int | None, int | None]]:
        try:
            for frame in frames:
                waiting.append(frame)
                yield frame.pts, frame.duration or None
        except Exception as error:
            failure.append(error)

    for pts, _ in clock.times(stamps()):
        frame = waiting.popleft()
        frame.pts = pts
        yield frame
    if failure:
        raise failure[0]
