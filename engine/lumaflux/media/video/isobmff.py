"""Boxes of MP4 and QuickTime files (ISO/IEC 14496-12 4.2): find one by its path, grow one inside its parents."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

# Bytes between a box's header and its first child.
_VISUAL = dict.fromkeys((b"hvc1", b"hev1", b"av01", b"apch", b"ap4h", b"FFV1"), 78)  # VisualSampleEntry, 12.1.3
_FIELDS = {b"stsd": 8, **_VISUAL}  # full box header and count


def video_entry(kind: bytes) -> tuple[bytes, ...]:
    """The path of a track's sample entry."""
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


def _find(file: BinaryIO, path: tuple[bytes, ...], start: int, end: int) -> list[Box]:
    for box in _children(file, start, end):
        if box.kind != path[0]:
            continue
        if len(path) == 1:
            return [box]
        below = _find(file, path[1:], box.payload + _FIELDS.get(box.kind, 0), box.end)
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


def sample_entries(file: BinaryIO) -> Iterator[Box]:
    """The sample entries of every track."""
    head, *tables = video_entry(b"")[:-1]
    movie = next((box for box in top_level(file) if box.kind == head), None)
    boxes = [] if movie is None else list(_children(file, movie.payload, movie.end))
    for kind in tables:
        chosen = [box for box in boxes if box.kind == kind]
        boxes = [child for box in chosen for child in _children(file, box.payload + _FIELDS.get(box.kind, 0), box.end)]
    yield from boxes


def visual_children(file: BinaryIO, entry: Box) -> Iterator[Box]:
    """The boxes inside a sample entry, if it is one of pictures (12.1.3)."""
    yield from _children(file, entry.payload + 78, entry.end)


def blank(file: BinaryIO, kind: bytes) -> None:
    """Make the boxes of a ``kind`` in the sample entries of pictures free space; no byte moves."""
    for entry in sample_entries(file):
        if entry.kind in _VISUAL:
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
