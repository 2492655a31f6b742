"""A gain map in a JPEG XL file: the box jhgm of ISO/IEC 18181-2, whose bundle is libjxl's (lib/include/jxl/gain_map.h).

Bundle: version 0; the metadata of ISO 21496-1 behind its length (16 bits); the alternate picture's color encoding
behind its length (8 bits); its ICC profile, compressed, behind its length (32 bits); the map, a bare codestream.
"""

import struct
from dataclasses import dataclass

from lumaflux.media.gainmap.heif_items import box, boxes

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
_CODESTREAM = b"\xff\x0a"
_PARTS = (b"jxlc", b"jxlp")
_TYPE = box(b"ftyp", b"jxl " + bytes(4) + b"jxl ")


@dataclass(frozen=True)
class Bundle:
    """``metadata``: of ISO 21496-1, binary; ``gain_map``: a bare codestream; ``has_color``: of the alternate."""

    metadata: bytes
    gain_map: bytes
    has_color: bool


def has_bundle(data: bytes) -> bool:
    """Whether a JPEG XL file holds a gain map, compressed or not. Raises ValueError for boxes that are not sound."""
    return any(kind == b"jhgm" or (kind == b"brob" and data[at : at + 4] == b"jhgm") for kind, at, _ in _boxes(data))


def bundle_of(data: bytes) -> Bundle | None:
    """None where there is none. Raises ValueError for one that is cut off, compressed or of a later version."""
    for kind, at, end in _boxes(data):
        if kind == b"brob" and data[at : at + 4] == b"jhgm":
            raise ValueError("its box is compressed (brob), which is not read")
        if kind == b"jhgm":
            return _read(data[at:end])
    return None


def _boxes(data: bytes) -> list[tuple[bytes, int, int]]:
    return list(boxes(data, 0, len(data))) if data.startswith(SIGNATURE) else []


def _read(data: bytes) -> Bundle:
    try:
        version, length = struct.unpack_from(">BH", data)
        metadata, position = data[3 : 3 + length], 3 + length
        color = data[position]
        position += 1 + color
        (profile,) = struct.unpack_from(">I", data, position)
        gain_map = data[position + 4 + profile :]
    except (struct.error, IndexError) as error:
        raise ValueError("its box is cut off") from error
    if version != 0:
        raise ValueError(f"its box is of version {version}, which is not read")
    if not gain_map.startswith(_CODESTREAM):
        raise ValueError("its box holds no picture")
    return Bundle(metadata, gain_map, has_color=bool(color or profile))


def codestream(data: bytes) -> bytes:
    """The bare codestream of a file. Raises ValueError where there is none."""
    if data.startswith(_CODESTREAM):
        return data
    parts = [data[at + (4 if kind == b"jxlp" else 0) : end] for kind, at, end in _boxes(data) if kind in _PARTS]
    if not parts:
        raise ValueError("no codestream")
    return b"".join(parts)


def joined(base: bytes, metadata: bytes, gain_map: bytes) -> bytes:
    """The picture of ``base`` in a container of its own, with the gain map of another file behind it."""
    bundle = struct.pack(">BH", 0, len(metadata)) + metadata + bytes(1) + bytes(4) + codestream(gain_map)
    return SIGNATURE + _TYPE + box(b"jxlc", codestream(base)) + box(b"jhgm", bundle)
