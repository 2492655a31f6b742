"""Boxes of MP4 and QuickTime files (ISO/IEC 14496-12 4.2): find one by its path, grow one inside its parents."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

# Bytes between a box's header and its first child.
_FIELDS = {b"stsd": 8}  # full box header and count
_VISUAL_FIELDS = 78  # of a VisualSampleEntry, whatever its codec (12.1.3)
_PICTURES = b"vide"  # the handler of a track of pictures (12.1.2)


def video_entry(kind: bytes) -> tuple[bytes, ...]:
    """The path of a picture track's sample entry."""
    return (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", kind)


@dataclass(frozen=True)
class Box:
    """``start`` of the header, ``payload`` and ``end`` as offsets in the file."""

    kind: bytes
    start: int
    payload: int
    end: int


def _children(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes from ``start`` on, up to the first whose header the file does not hold: sizes may lie."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack_from(">I4s", head)
        payload = start + 8
        if size == 1:
            if len(head) < 16:
                return
            (size,) = struct.unpack_from(">Q", head, 8)
            payload += 8
        size = size or end - start
        if size < payload - start:
            return
        yield Box(kind, start, payload, start + size)
        start += size


def top_level(file: BinaryIO) -> Iterator[Box]:
    """The boxes of the file itself; the last may end beyond it."""
    yield from _children(file, 0, file.seek(0, 2))


def inside(file: BinaryIO, parent: Box) -> Iterator[Box]:
    """The boxes right below ``parent``, one without fields of its own."""
    yield from _children(file, parent.payload, parent.end)


def find(file: BinaryIO, path: tuple[bytes, ...]) -> list[Box]:
    """The chain of boxes down the first branch that has the whole ``path``; empty where there is none."""
    file.seek(0, 2)
    return _find(file, path, 0, file.tell())


def _find(file: BinaryIO, path: tuple[bytes, ...], start: int, end: int, within: bytes = b"") -> list[Box]:
    """``within``: the box that they are in."""
    for box in _children(file, start, end):
        if box.kind != path[0]:
            continue
        if len(path) == 1:
            return [box]
        fields = _VISUAL_FIELDS if within == b"stsd" else _FIELDS.get(box.kind, 0)
        below = _find(file, path[1:], box.payload + fields, box.end, box.kind)
        if below:
            return [box, *below]
    return []


def segments_end(file: BinaryIO, index: Box) -> int:
    """Where the last of the segments ends that a ``sidx`` box lists; it may lie beyond the file (8.16.3)."""
    file.seek(index.payload)
    content = file.read(min(index.end - index.payload, 1 << 20))
    wide = content[0] > 0
    offset = int.from_bytes(content[20:28] if wide else content[16:20], "big")
    start = 28 if wide else 20
    (count,) = struct.unpack_from(">H", content, start + 2)
    sizes = (struct.unpack_from(">I", content, start + 4 + 12 * number)[0] for number in range(count))
    return index.end + offset + sum(size & 0x7FFFFFFF for size in sizes)


def visual_entries(file: BinaryIO) -> Iterator[Box]:
    """The sample entries of every track of pictures, of codecs that nobody here knows, too."""
    for movie in (box for box in top_level(file) if box.kind == b"moov"):
        for track in (box for box in inside(file, movie) if box.kind == b"trak"):
            media = [box for box in inside(file, track) if box.kind == b"mdia"]
            if _PICTURES in [_handler(file, box) for box in media]:
                for kind in (b"minf", b"stbl", b"stsd"):
                    media = [box for parent in media for box in inside(file, parent) if box.kind == kind]
                for table in media:
                    yield from _children(file, table.payload + _FIELDS[b"stsd"], table.end)


def _handler(file: BinaryIO, media: Box) -> bytes:
    """What the samples of a track are: ``vide``, ``soun`` and so on."""
    for found in inside(file, media):
        if found.kind == b"hdlr":
            file.seek(found.payload + 8)
            return file.read(4)
    return b""


def visual_children(file: BinaryIO, entry: Box) -> Iterator[Box]:
    """The boxes inside a sample entry of pictures."""
    yield from _children(file, entry.payload + _VISUAL_FIELDS, entry.end)


def blank(file: BinaryIO, kind: bytes) -> None:
    """Make the boxes of a ``kind`` in the sample entries of pictures free space; no byte moves."""
    for entry in visual_entries(file):
        for found in visual_children(file, entry):
            if found.kind == kind:
                file.seek(found.start + 4)
                file.write(b"free")


def box(kind: bytes, payload: bytes) -> bytes:
    """One box with a 32-bit size."""
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def append(data: bytes, chain: list[Box], addition: bytes) -> bytes:
    """``data`` with ``addition`` at the end of the last box of ``chain``; the sizes of all of them grow."""
    out = bytearray(data)
    for parent in chain:
        (size,) = struct.unpack_from(">I", out, parent.start)
        struct.pack_into(">I", out, parent.start, size + len(addition))
    end = chain[-1].end
    return bytes(out[:end]) + addition + bytes(out[end:])
