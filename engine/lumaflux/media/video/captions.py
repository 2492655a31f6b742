"""Closed captions (CEA-608/708 as ATSC A/53 puts them into pictures), carried from packet to packet, not decoded."""

from bisect import bisect_left, insort
from fractions import Fraction
from typing import Any

_MARK = b"GA94\x03"  # ATSC A/53 part 4, 6.2.3: user identifier, and cc_data
_T35 = b"\xb5\x00\x31"  # ITU-T T.35: United States, ATSC
_ESCAPED = ("h264", "hevc")
_AHEAD = Fraction(2)  # seconds by which pictures may be stored before they are seen
CAPTIONED = ("mpeg2video", "h264", "hevc")  # codecs whose user data and SEI may hold them


def captions_of(packet: bytes, codec: str) -> bytes | None:
    """``cc_data`` of a coded picture from the identifier on, its emulation prevention taken out; None without any."""
    place = packet.find(_MARK)
    if place < 0:
        return None
    data = packet[place : place + 512]
    if codec in _ESCAPED:
        data = data.replace(b"\0\0\3", b"\0\0")
    count = data[len(_MARK)] & 0x1F if len(data) > len(_MARK) else 0
    end = len(_MARK) + 2 + 3 * count
    return data[:end] + b"\xff" if count and len(data) >= end else None


class Captions:
    """Captions by the time of their picture, in seconds; ``found`` counts the pictures, of those asked for, that had
    some."""

    def __init__(self) -> None:
        self.found = 0
        self._waiting: list[tuple[Fraction, bytes]] = []
        self._read = Fraction(-1)

    def add(self, packet: Any) -> None:
        """The next of the pictures' packets, as :class:`lumaflux.media.video.demuxer.PictureTimes`, in the order of the
        file, on the clock that is asked by."""
        if packet.pts is None:
            if packet.dts is not None:
                self._read = max(self._read, packet.dts * Fraction(packet.time_base))
            return
        stamp = packet.pts * Fraction(packet.time_base)
        self._read = max(self._read, stamp)
        if packet.captions is not None:
            insort(self._waiting, (stamp, packet.captions))

    def lack(self, time: Fraction) -> bool:
        """Whether a packet that is still to be added may belong to the picture at ``time``."""
        return self._read < time + _AHEAD

    def message(self, time: Fraction, frame: Fraction) -> bytes | None:
        """The T.35 message for the picture at ``time`` seconds; ``frame`` is its duration. Times are asked for nearly
        in order."""
        del self._waiting[: bisect_left(self._waiting, (time - 2 * _AHEAD,))]
        place = bisect_left(self._waiting, (time,))
        near = range(max(0, place - 1), min(place + 1, len(self._waiting)))
        nearest = min(near, key=lambda i: abs(self._waiting[i][0] - time), default=None)
        if nearest is None or abs(self._waiting[nearest][0] - time) > frame / 2:
            return None
        self.found += 1
        return _T35 + self._waiting.pop(nearest)[1]
