"""Whether the last picture of a stream without announced sizes was cut off, which only its decoder can tell.

Slices of H.264 and HEVC do not say where they end. A decoder that runs out of bytes goes on with what lies behind them
in memory, and says nothing. So the last pictures are decoded again with other bytes behind: where these change a
picture, it was not whole.
"""

import zlib
from typing import Any

import numpy as np

_UNTOLD = ("h264", "hevc", "mpegts", "mpeg")  # containers, by libavformat's names
_HELD = 64 << 20  # bytes of packets; of longer groups of pictures nothing is told
_BEHIND = b"\xff" * 64
_START = b"\x00\x00\x01"


class LastPicture:
    """Keeps the packets of ``stream``, one of ``container``, since its last key frame."""

    def __init__(self, stream: Any, container: str):
        self._context = stream.codec_context
        self._told = container not in _UNTOLD or self._context.name not in ("h264", "hevc")
        self._packets: list[bytes] = []
        self._size = 0

    def add(self, packet: Any) -> None:
        """The next packet, as it comes out of the file."""
        if self._told or not packet.size:
            return
        if packet.is_keyframe:
            self._packets, self._size = [], 0
        elif not self._packets:
            return
        self._packets.append(bytes(packet))
        self._size += packet.size
        if self._size > _HELD:
            self._packets = []

    def cut(self) -> str | None:
        """What is missing, in words; None where nothing is."""
        from av.error import FFmpegError

        if not self._packets or not self._ends_in_a_slice():
            return None
        try:
            whole = np.array_equal(self._sums(b""), self._sums(_BEHIND))
        except FFmpegError:
            whole = False
        return None if whole else "its last picture is cut off"

    def _ends_in_a_slice(self) -> bool:
        """Of what stands behind the slices, they are told by the start code that follows them (H.264 annex B)."""
        last = self._packets[-1]
        place = last.rfind(_START)
        if place < 0 or place + 3 >= len(last):
            return False
        header = last[place + 3]
        return 1 <= header & 31 <= 5 if self._context.name == "h264" else header >> 1 & 63 < 32

    def _sums(self, behind: bytes) -> np.ndarray:
        """A sum of each plane of the pictures, decoded with ``behind`` after the last packet."""
        import av

        context: Any = av.CodecContext.create(self._context.name, "r")
        context.thread_type, context.thread_count = "SLICE", 2  # so HEVC's decoder compares its entry points
        if self._context.name == "hevc":
            context.options = {"err_detect": "explode"}
        if self._context.extradata:
            context.extradata = self._context.extradata
        frames = (
            frame
            for packet in [*map(av.Packet, self._packets[:-1]), av.Packet(self._packets[-1] + behind), None]
            for frame in context.decode(packet)
        )
        return np.array([_sum(plane, frame.format.components[0].bits) for frame in frames for plane in frame.planes])


def _sum(plane: Any, bits: int) -> int:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return zlib.crc32(rows[: plane.height, : plane.width * (2 if bits > 8 else 1)].tobytes())
