"""Room for a shot's HDR10+ message in every frame of an HEVC file, filled when the shots are known; no byte moves."""

import mmap
from collections.abc import Sequence
from pathlib import Path

from lumaflux.media.metadata.hdr10plus import REGISTERED_T35
from lumaflux.media.video.hevc_light_sei import sized_sei_nal

_SIZE = 112  # a message of nine anchors has 64 bytes, and emulation prevention adds at most half of that
_MARK = b"LumaFlux: room for HDR10+ of frame "
_DIGITS = 8
_PAYLOAD = 64


def room(number: int) -> bytes:
    """A prefix SEI NAL unit for the frame of that number."""
    return sized_sei_nal(REGISTERED_T35, (_MARK + b"%0*d" % (_DIGITS, number)).ljust(_PAYLOAD, b"."), _SIZE)


def fill_rooms(path: Path, shots: Sequence[tuple[int, int, bytes]]) -> None:
    """Put the message of its shot (first frame, last frame, message) into every room of ``path``.

    Raises ValueError where a frame has none, or two.
    """
    nals = [(first, last, sized_sei_nal(REGISTERED_T35, message, _SIZE)) for first, last, message in shots]
    by_frame = {number: nal for first, last, nal in nals for number in range(first, last + 1)}
    head = room(0).index(_MARK)
    filled: set[int] = set()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        place = content.find(_MARK)
        while place >= 0:
            number = int(content[place + len(_MARK) : place + len(_MARK) + _DIGITS])
            if number in filled or number not in by_frame:
                raise ValueError(f"Frame {number} of {path} has no room of its own for HDR10+.")
            content[place - head : place - head + _SIZE] = by_frame[number]
            filled.add(number)
            place = content.find(_MARK, place)
    if len(filled) != len(by_frame):
        raise ValueError(f"{len(by_frame) - len(filled)} frames of {path} have no room for HDR10+.")
