"""Closed captions (CEA-608/708 as ATSC A/53 puts them into pictures), carried from packet to packet, not decoded."""

import os
from fractions import Fraction
from typing import Any

from lumaflux.media.video.clock import LEAPING, PacketClock
from lumaflux.media.video.source import open_container, video_stream

_MARK = b"GA94\x03"  # ATSC A/53 part 4, 6.2.3: user identifier, and cc_data
_T35 = b"\xb5\x00\x31"  # ITU-T T.35: United States, ATSC
_ESCAPED = ("h264", "hevc")
_AHEAD = Fraction(2)  # seconds by which pictures may be stored before they are seen
_CAPTIONED = ("mpeg2video", "h264", "hevc")  # codecs whose user data and SEI may hold them


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
    """Captions of ``source`` by the time of their picture, ``start`` seconds of it being 0; to be closed.

    ``found`` counts the pictures, of those asked for, that had some.
    """

    def __init__(self, source: str | os.PathLike, first_stamp: int, start: Fraction):
        self.found = 0
        self._input: Any = open_container(source)
        self._stream = video_stream(self._input, source)
        self._codec = self._stream.codec_context.codec.canonical_name
        self._tick = Fraction(self._stream.time_base or Fraction(1, 90000))
        self._clock = PacketClock(self._tick, leaps=self._input.format.name in LEAPING)
        self._offset = first_stamp * self._tick + start
        self._packets = self._input.demux(self._stream)
        self._waiting: dict[Fraction, bytes] = {}
        self._read = Fraction(-1)

    def message(self, time: Fraction, frame: Fraction) -> bytes | None:
        """The T.35 message for the picture at ``time`` seconds; ``frame`` is its duration. Times are asked for nearly
        in order."""
        if self._codec not in _CAPTIONED:
            return None
        while self._read < time + _AHEAD:
            packet = next(self._packets, None)
            if packet is None:
                self._read = time + 1_000_000
                break
            if not packet.size or packet.pts is None:
                continue
            stamp = (packet.pts + self._clock.shift(packet.dts, packet.duration)) * self._tick - self._offset
            self._read = max(self._read, stamp)
            found = captions_of(bytes(packet), self._codec)
            if found is not None:
                self._waiting[stamp] = found
        for stale in [stamp for stamp in self._waiting if stamp < time - 2 * _AHEAD]:
            del self._waiting[stale]
        nearest = min(self._waiting, key=lambda stamp: abs(stamp - time), default=None)
        if nearest is None or abs(nearest - time) > frame / 2:
            return None
        self.found += 1
        return _T35 + self._waiting.pop(nearest)

    def close(self) -> None:
        self._input.close()
