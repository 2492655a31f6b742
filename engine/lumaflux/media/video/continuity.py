"""Whether a video file's structure has a hole: bytes that were lost or overwritten between its beginning and its end.

Incomplete downloads and copies off bad disks leave them. Demuxers look for the next place where they can go on, and say
nothing: frames are missing then. Holes inside the data of a picture are for checksums and its decoder to notice.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lumaflux.media.video import ebml
from lumaflux.media.video.checksums import cluster_is_sound, crc32_msb_first

_STEP = 1 << 24
_MXF_KEY = bytes.fromhex("060e2b34")  # SMPTE ST 336
_EBML_HEADER = 0x1A45DFA3
# What a segment and its clusters may hold (RFC 9559 5.1); a flat walk needs no more to find a hole.
_MATROSKA = {
    *(0x114D9B74, 0x1549A966, ebml.TRACKS, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367),  # of a segment
    *(0xE7, 0x5854, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF),  # of a cluster
    *(0xEC, ebml.CRC_32, _EBML_HEADER),  # Void, CRC-32; a further file behind the first
}
# Sections of a DIF sequence (IEC 61834-2): header, subcode, VAUX, then 9 times sound and 15 of pictures
_DIF = np.array([0, 1, 1, 2, 2, 2, *([3] + [4] * 15) * 9], np.uint8)


def hole(path: str | os.PathLike, container: str, stream_id: int = 0) -> str | None:
    """Where the structure of ``path`` breaks, in words; None where it does not, or the format does not tell.

    ``container`` is libavformat's name; ``stream_id``, the pictures' PID in MPEG-TS.
    """
    with Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        try:
            if container == "mpegts":
                place = _transport_stream(file, size, stream_id)
            else:
                place = _WALKS[container](file, size) if container in _WALKS else None
        except IndexError:  # a header that the file does not hold
            return "its structure is broken"
    return None if place is None else f"its structure is broken at byte {place}"


def _matroska(file: BinaryIO, size: int) -> int | None:
    position = 0
    end = size
    while position < end:
        element = ebml.at(file, position)
        if element is None:
            return position
        if element.id in (ebml.SEGMENT, ebml.CLUSTER):
            if element.id == ebml.SEGMENT and not element.unknown:
                end = min(size, element.end)
            if element.id == ebml.CLUSTER and not cluster_is_sound(file, element):
                return position
            position = element.payload
        elif element.id in _MATROSKA and not element.unknown:
            position = element.end
        else:
            return position
    return None


def second_link(path: str | os.PathLike) -> int | None:
    """Where a chained Ogg file's second part begins, by a page that begins a stream behind one that does not (RFC 3533
    4); None where it has one part."""
    with Path(path).open("rb") as file:
        size, position, going_on = file.seek(0, os.SEEK_END), 0, False
        while position + 27 <= size:
            file.seek(position)
            head = file.read(27)
            if not head.startswith(b"OggS"):
                return None
            begins = bool(head[5] & 2)
            if begins and going_on:
                return position
            going_on = not begins
            position += 27 + head[26] + sum(file.read(head[26]))
    return None


def _ogg(file: BinaryIO, size: int) -> int | None:
    """Pages follow each other, number by number, each with the sum of its bytes (RFC 3533 6)."""
    position, last = 0, dict[bytes, int]()
    while position < size:
        file.seek(position)
        head = file.read(27)
        if len(head) < 27 or not head.startswith(b"OggS"):
            return position
        table = file.read(head[26])
        body = file.read(sum(table))
        if len(table) < head[26] or len(body) < sum(table):
            return None  # cut short, which is another matter
        if crc32_msb_first(head[:22] + bytes(4) + head[26:] + table + body) != int.from_bytes(head[22:26], "little"):
            return position
        serial, number = head[14:18], int.from_bytes(head[18:22], "little")
        if not head[5] & 2 and number != (last.get(serial, number - 1) + 1) & 0xFFFFFFFF:
            return position
        last[serial] = number
        position += 27 + len(table) + len(body)
    return None


def _transport_stream(file: BinaryIO, size: int, pid: int) -> int | None:
    """Packets begin with their sync byte, and those of the pictures are counted (ISO/IEC 13818-1 2.4.3.3). A count that
    leaps where a picture begins is a place where files were joined."""
    file.seek(0)
    head = file.read(1024)
    layouts = ((188, 0), (192, 4), (204, 0))
    length, first = next(
        ((n, at) for n, at in layouts if all(head[i : i + 1] in (b"\x47", b"") for i in range(at, 1024, n))), (0, 0)
    )
    if not length:
        return None
    counted: int | None = None
    for start in range(0, size, length * (_STEP // length)):
        file.seek(start)
        data = file.read(min(size - start, length * (_STEP // length)))
        packets = np.frombuffer(data, np.uint8, len(data) // length * length).reshape(-1, length)[:, first:]
        lost = np.flatnonzero(packets[:, 0] != 0x47)
        if len(lost) and packets[lost[0] :].any():  # zeros up to the end are room that a recorder took ahead
            return start + int(lost[0]) * length
        packets = packets[: lost[0]] if len(lost) else packets
        chosen = np.flatnonzero((((packets[:, 1] & 0x1F).astype(int) << 8) | packets[:, 2]) == pid)
        chosen = chosen[packets[chosen, 3] & 0x10 > 0]  # those with a payload count
        counts = packets[chosen, 3] & 15
        before = np.concatenate([counts[:1] if counted is None else [counted], counts[:-1]]).astype(int)
        steps = (counts - before) & 15
        adapted = (packets[chosen, 3] & 0x20 > 0) & (packets[chosen, 4] > 0)
        marked = adapted & (packets[chosen, 5] & 0x80 > 0)  # a leap that is announced
        begins = packets[chosen, 1] & 0x40 > 0
        broken = (steps > 1) & ~begins & ~marked
        if counted is None and len(broken):
            broken[0] = False
        if broken.any():
            return start + int(chosen[np.flatnonzero(broken)[0]]) * length
        counted = int(counts[-1]) if len(counts) else counted
    return None


def _flv(file: BinaryIO, size: int) -> int | None:
    """Tags of sound, pictures and data follow each other (Adobe FLV 10.1, E.4)."""
    file.seek(5)
    position = int.from_bytes(file.read(4), "big") + 4
    while position + 11 <= size:
        file.seek(position)
        head = file.read(11)
        if head[0] & 0x1F not in (8, 9, 18) or any(head[8:11]):
            return position
        position += 11 + int.from_bytes(head[1:4], "big") + 4
    return None


def _riff(file: BinaryIO, size: int) -> int | None:
    """Chunks with printable names fill their lists (AVI RIFF File Reference)."""
    position = end = 0
    while position + 8 <= size:
        file.seek(position)
        head = file.read(12)
        if any(not 0x20 <= byte < 0x7F for byte in head[:4]):
            return position if position < end else None  # what follows the last list is nobody's
        length = int.from_bytes(head[4:8], "little")
        if head[:4] == b"RIFF":
            if length in (0, 0xFFFFFFFF):
                return None  # a recording that was never finished
            end = position + 8 + length
        lists = head[:4] == b"RIFF" or (head[:4] == b"LIST" and head[8:12] in (b"movi", b"rec "))
        position += 12 if lists else 8 + length + length % 2
    return None


def _mxf(file: BinaryIO, size: int) -> int | None:
    """Keys of SMPTE follow each other (ST 377-1 6.3); a run-in may come before."""
    file.seek(0)
    position = file.read(1 << 16).find(_MXF_KEY)
    while 0 <= position < size:
        file.seek(position)
        head = file.read(25)
        if not head.startswith(_MXF_KEY[: len(head)]):
            return position
        if len(head) < 17:
            return None
        count = head[16] & 0x7F if head[16] & 0x80 else 0
        length = int.from_bytes(head[17 : 17 + count], "big") if count else head[16]
        position += 17 + count + length
    return None


def _gif(file: BinaryIO, size: int) -> int | None:
    """Extensions and pictures up to the trailer (GIF89a, appendix B)."""
    file.seek(0)
    data = file.read()
    position = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while position < size:
        if data[position] == 0x3B:
            return None
        if data[position] == 0x2C and position + 10 < size:
            packed = data[position + 9]
            after = position + 11 + (3 << ((packed & 7) + 1) if packed & 0x80 else 0)
        elif data[position] == 0x21:
            after = position + 2
        else:
            return position
        while after < size and data[after]:
            after += 1 + data[after]
        position = after + 1
    return position


def _dv(file: BinaryIO, size: int) -> int | None:
    file.seek(0)
    for start in range(0, size, 12000 * 100):
        data = file.read(12000 * 100)
        blocks = np.frombuffer(data, np.uint8, len(data) // 12000 * 12000).reshape(-1, 150, 80)
        wrong = np.argwhere(blocks[:, :, 0] >> 5 != _DIF)
        if len(wrong):
            return start + int(wrong[0][0] * 12000 + wrong[0][1] * 80)
    return None


_WALKS: dict[str, Callable[[BinaryIO, int], int | None]] = {
    "matroska,webm": _matroska,
    "ogg": _ogg,
    "flv": _flv,
    "avi": _riff,
    "mxf": _mxf,
    "gif": _gif,
    "dv": _dv,
}
