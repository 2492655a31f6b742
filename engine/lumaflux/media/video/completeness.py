"""Whether a video file holds all that its container announces: files that were cut short, told by their structure.

Decoders end without a word where a file ends. Raw streams (H.264, HEVC, MPEG-2) announce nothing; nor do fragmented MP4
without an index and MPEG-TS, where they are cut between two fragments or packets.
"""

import os
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from lumaflux.media.video import ebml, isobmff

_TAIL = 1 << 18
_ASF_FILE_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")  # GUID, as it stands in the file
_ASF_BROADCAST = 1
_MXF_HEADER_PARTITION = bytes.fromhex("060e2b34020501010d01020101")
_SYNC = 0x47
_NUT_INDEX = bytes.fromhex("4e58dd672f23e64e")


def missing_end(path: str | os.PathLike, container: str, packet: int = 0) -> str | None:
    """What is missing at the end of ``path``, in words; None where nothing is, or the format does not tell.

    ``container`` is libavformat's name; ``packet``: the bytes of a first packet, which Y4M is judged by.
    """
    check = partial(_y4m, packet=packet) if container == "yuv4mpegpipe" else _CHECKS.get(container)
    if check is None:
        return None
    try:
        with Path(path).open("rb") as file:
            return check(file, file.seek(0, os.SEEK_END))
    except (struct.error, IndexError, ValueError):
        return "its last part is cut off"


def _beyond(end: int, size: int) -> str | None:
    return f"{end - size} of {end} bytes are missing" if end > size else None


def _isobmff(file: BinaryIO, size: int) -> str | None:
    boxes = list(isobmff.top_level(file))
    end = max((box.end for box in boxes), default=0)
    if boxes and boxes[-1].kind == b"moof":
        return "the pictures of its last fragment are missing"
    end = max(end, *(isobmff.segments_end(file, box) for box in boxes if box.kind == b"sidx"), 0)
    return _beyond(end, size) or ("its last box is cut off" if 0 < size - end < 8 else None)


def _matroska(file: BinaryIO, size: int) -> str | None:
    for element in ebml.top_level(file):
        if element.id != ebml.SEGMENT:
            continue
        if element.unknown:  # a live recording: each cluster for itself
            ends = [child.end for child in ebml.children(file, element) if not child.unknown]
            return _beyond(max(ends, default=0), size)
        return _beyond(element.end, size)
    return None


def _riff(file: BinaryIO, size: int) -> str | None:
    position = 0
    while position + 12 <= size:
        file.seek(position)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind != b"RIFF" or length in (0, 0xFFFFFFFF):  # a recording that was never finished
            return None
        position += 8 + length + length % 2
    return _beyond(position - 1 if position == size + 1 else position, size)


def _asf(file: BinaryIO, size: int) -> str | None:
    file.seek(0)
    head = file.read(_TAIL)
    place = head.find(_ASF_FILE_PROPERTIES)
    if place < 0:
        return None
    (stated,) = struct.unpack_from("<Q", head, place + 40)
    (flags,) = struct.unpack_from("<I", head, place + 88)
    return None if flags & _ASF_BROADCAST else _beyond(stated, size)


def _flv(file: BinaryIO, size: int) -> str | None:
    """Each tag is followed by its size (Adobe FLV 10.1, E.3); metadata may state the file's (E.5)."""
    file.seek(0)
    head = file.read(_TAIL)
    place = head.find(b"\0\x08filesize\0")
    if place >= 0:
        (stated,) = struct.unpack_from(">d", head, place + 11)
        if size < stated < 1 << 50:
            return _beyond(int(stated), size)
    file.seek(max(0, size - 4))
    (length,) = struct.unpack(">I", file.read(4))
    if 11 <= length <= size - 4:
        file.seek(size - 4 - length)
        head = file.read(4)
        if head[0] & 0x1F in (8, 9, 18) and int.from_bytes(head[1:4], "big") + 11 == length:
            return None
    return "its last tag is cut off"


def _transport_stream(file: BinaryIO, size: int) -> str | None:
    file.seek(0)
    head = file.read(1024)
    for length, first in ((188, 0), (192, 4), (204, 0)):
        if all(head[at : at + 1] in (b"\x47", b"") for at in range(first, 1024, length)) and head[first] == _SYNC:
            return f"its last packet has {size % length} of {length} bytes" if size % length else None
    return None


def _program_stream(file: BinaryIO, size: int) -> str | None:
    """The packets after the last pack header, by their lengths (ISO/IEC 13818-1 2.5.3)."""
    start = max(0, size - _TAIL)
    file.seek(start)
    tail = file.read()
    place = tail.rfind(b"\x00\x00\x01\xba")
    if place < 0:
        return None
    mpeg2 = tail[place + 4] >> 6 == 1
    at = place + (14 + (tail[place + 13] & 7) if mpeg2 else 12)
    while at + 4 <= len(tail) and tail[at : at + 3] == b"\x00\x00\x01" and tail[at + 3] != 0xB9:
        at += 6 + int.from_bytes(tail[at + 4 : at + 6], "big")
    return _beyond(start + at, size)


def _mxf(file: BinaryIO, size: int) -> str | None:
    """The footer that the header announces, and whole keys, lengths and values (SMPTE ST 377-1 6.3 and 7.1)."""
    file.seek(0)
    head = file.read(1 << 16)
    place = head.find(_MXF_HEADER_PARTITION)
    if place < 0:
        return None
    value, _ = _klv(head, place + 16)
    (footer,) = struct.unpack_from(">Q", head, value + 24)
    if footer >= size:
        return "its footer is missing"
    position = place
    while position < size:
        file.seek(position)
        key = file.read(25)
        if len(key) < 17:
            return "its last part is cut off"
        start, length = _klv(key, 16)
        position += start + length
    return _beyond(position, size)


def _klv(data: bytes, at: int) -> tuple[int, int]:
    """Where the value begins and how long it is, of a BER length at ``at``."""
    if data[at] < 0x80:
        return at + 1, data[at]
    count = data[at] & 0x7F
    return at + 1 + count, int.from_bytes(data[at + 1 : at + 1 + count], "big")


def _ogg(file: BinaryIO, size: int) -> str | None:
    """The last page is whole and ends its stream (RFC 3533 6)."""
    start = max(0, size - _TAIL)
    file.seek(start)
    tail = file.read()
    place = tail.rfind(b"OggS")
    if place < 0:
        return "its last page is missing"
    segments = tail[place + 26]
    end = place + 27 + segments + sum(tail[place + 27 : place + 27 + segments])
    if end > len(tail):
        return "its last page is cut off"
    return None if tail[place + 5] & 4 else "its last page does not end the stream"


def _ivf(file: BinaryIO, size: int) -> str | None:
    file.seek(6)
    (position,) = struct.unpack("<H", file.read(2))
    file.seek(24)
    (stated,) = struct.unpack("<I", file.read(4))
    count = 0
    while position + 12 <= size:
        file.seek(position)
        (length,) = struct.unpack("<I", file.read(4))
        position += 12 + length
        count += position <= size
    if position != size:
        return "its last frame is cut off"
    return f"{stated - count} of {stated} frames are missing" if stated > count else None


def _nut(file: BinaryIO, size: int) -> str | None:
    """The index stands last and ends with its length and a sum (NUT 1.0, index)."""
    file.seek(max(0, size - 12))
    (length,) = struct.unpack(">Q", file.read(8))
    if length <= size:
        file.seek(size - length)
        if file.read(8) == _NUT_INDEX:
            return None
    return "its index, which stands last, is missing"


def _obu(file: BinaryIO, size: int) -> str | None:
    """Units with their sizes (AV1 5.3)."""
    position = 0
    while position < size:
        file.seek(position)
        head = file.read(10)
        start = 2 if head[0] & 4 else 1  # an extension
        if not head[0] & 2:
            return None  # the last one, without a size
        length, count = 0, 0
        while count < 8:
            byte = head[start + count]
            length |= (byte & 0x7F) << (7 * count)
            count += 1
            if byte < 0x80:
                break
        position += start + count + length
    return _beyond(position, size)


def _y4m(file: BinaryIO, size: int, packet: int) -> str | None:
    if not packet:
        return None
    file.seek(0)
    header = len(file.readline(4096))
    left = (size - header) % (packet + len(b"FRAME\n"))
    return f"its last frame has {left} bytes" if left else None


def _gif(file: BinaryIO, size: int) -> str | None:
    file.seek(max(0, size - 64))
    return None if file.read().rstrip(b"\0").endswith(b"\x3b") else "its trailer is missing"


def _dv(file: BinaryIO, size: int) -> str | None:
    """DIF sequences of 12,000 bytes: 10 a frame at 525 lines, 12 at 625 (IEC 61834-2)."""
    file.seek(3)
    length = 12000 * (12 if file.read(1)[0] & 0x80 else 10)
    return f"its last frame has {size % length} of {length} bytes" if size % length else None


_CHECKS: dict[str, Callable[[BinaryIO, int], str | None]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _isobmff,
    "matroska,webm": _matroska,
    "avi": _riff,
    "asf": _asf,
    "flv": _flv,
    "mpegts": _transport_stream,
    "mpeg": _program_stream,
    "mxf": _mxf,
    "ogg": _ogg,
    "ivf": _ivf,
    "nut": _nut,
    "obu": _obu,
    "gif": _gif,
    "dv": _dv,
}
