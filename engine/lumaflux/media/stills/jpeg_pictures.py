"""The pictures inside one JPEG file (CIPA DC-007 multi-picture format), each with its application segments."""

import struct
from dataclasses import dataclass

from lumaflux.media.stills.jpeg_primary import has_gain_map, primary_image

_MPF = b"MPF\0"
_MP_ENTRIES = 0xB002  # DC-007 5.2.3.3: 16 bytes a picture: attributes, size, offset, two dependent entries
_APP2, _SOS = 0xE2, 0xDA
_LARGE_THUMBNAIL = 0x01  # the type's first byte


@dataclass(frozen=True)
class Segment:
    marker: int
    payload: bytes
    offset: int  # of the payload in the file


def segments(data: bytes) -> list[Segment]:
    """The segments before the first scan. Raises ValueError for what is no JPEG picture or ends within them."""
    if data[:2] != b"\xff\xd8":
        raise ValueError("no start of image")
    found, position = [], 2
    while True:
        if len(data) < position + 4 or data[position] != 0xFF:
            raise ValueError("the header is cut off")
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _SOS:
            return found
        found.append(Segment(marker, data[position + 4 : position + 2 + length], position + 4))
        position += 2 + length


def pictures(data: bytes) -> list[bytes]:
    """All pictures, the primary one first and without its multi-picture index.

    Raises ValueError when the index points outside the file.
    """
    found = [primary_image(data)]
    for segment in segments(data):
        if segment.marker == _APP2 and segment.payload.startswith(_MPF):
            base = segment.offset + len(_MPF)
            for size, offset in _entries(segment.payload[len(_MPF) :]):
                if offset == 0:  # the primary one
                    continue
                picture = data[base + offset : base + offset + size]
                if len(picture) != size or picture[:2] != b"\xff\xd8":
                    raise ValueError("its index names a picture that is not there")
                found.append(picture)
    return found


def further_pictures(data: bytes) -> int:
    """How many pictures follow the primary one, without its previews and gain map (DC-007 5.2.3.3.1: MP type)."""
    found, previews = 0, 0
    for segment in segments(data):
        if segment.marker == _APP2 and segment.payload.startswith(_MPF):
            base = segment.offset + len(_MPF)
            for attributes, size, offset in _rows(segment.payload[len(_MPF) :]):
                at = base + offset
                if offset == 0 or data[at : at + 2] != b"\xff\xd8":
                    continue
                kind = attributes & 0xFFFFFF
                previews += kind >> 16 == _LARGE_THUMBNAIL or has_gain_map(data[at : at + size])
                found += 1
    return found - previews


def _entries(index: bytes) -> list[tuple[int, int]]:
    """Size and offset of each picture."""
    return [(size, offset) for _, size, offset in _rows(index)]


def _rows(index: bytes) -> list[tuple[int, int, int]]:
    """Attributes, size and offset of each picture, from the TIFF structure of an MP index."""
    order = {b"II": "<", b"MM": ">"}.get(index[:2])
    try:
        if order is None:
            raise ValueError("its index has no byte order")
        (position,) = struct.unpack_from(f"{order}I", index, 4)
        (count,) = struct.unpack_from(f"{order}H", index, position)
        for number in range(count):
            tag, _, length, value = struct.unpack_from(f"{order}HHII", index, position + 2 + 12 * number)
            if tag == _MP_ENTRIES:
                return [struct.unpack_from(f"{order}III", index, value + 16 * row) for row in range(length // 16)]
    except struct.error as error:
        raise ValueError("its index is cut off") from error
    return []
