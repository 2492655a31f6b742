"""Chunks of PNG files (W3C PNG Third Edition, clause 5): the colour ones read, a file copied with others instead."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.metadata.mastering import ContentLight, DisplayCodes, MasteringDisplay, unpack_display

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CLL_UNIT = 10000  # 11.3.2.8 cLLI: steps of 0.0001 cd/m2
_COLOUR = {b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"cLLI", b"acTL"}
_BT709 = bytes((1, 1, 0, 1))
PQ_BT2020 = (9, 16, 0, 1)  # H.273 primaries, transfer, matrix (RGB), full range


def chunk(kind: bytes, payload: bytes) -> bytes:
    """One chunk with its length and checksum (5.3)."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


SRGB = chunk(b"sRGB", b"\0")  # 11.3.2.5, perceptual intent


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, offset and length of every chunk's payload; raises ValueError when the file ends before IEND."""
    file.seek(0, 2)
    size = file.tell()
    position = len(SIGNATURE)
    while True:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            raise ValueError("the file ends before its IEND chunk")
        length, kind = struct.unpack(">I4s", head)
        if position + 12 + length > size:
            raise ValueError("the file ends before its IEND chunk")
        yield kind, position + 8, length
        if kind == b"IEND":
            return
        position += 12 + length


def colour_chunks(file: BinaryIO) -> dict[bytes, bytes]:
    """Payloads of the chunks that say how the picture's colours are meant; raises ValueError as :func:`chunks`."""
    found = {}
    for kind, position, length in chunks(file):
        if kind in _COLOUR:
            file.seek(position)
            found[kind] = file.read(length)
    return found


def mastering_display(payload: bytes) -> MasteringDisplay:
    """Of an ``mDCV`` chunk (11.3.2.7)."""
    return unpack_display(payload, "rgb")


def content_light(payload: bytes) -> ContentLight:
    """Of a ``cLLI`` chunk (11.3.2.8), rounded to whole cd/m2."""
    cll, fall = struct.unpack(">2I", payload)
    return ContentLight(max_cll=round(cll / _CLL_UNIT), max_fall=round(fall / _CLL_UNIT))


def hdr_chunks(light: ContentLight, display: MasteringDisplay) -> bytes:
    """What makes a PNG file HDR: ``cICP`` (BT.2020 primaries, PQ, RGB, full range), ``mDCV`` and ``cLLI``."""
    levels = struct.pack(">2I", light.max_cll * _CLL_UNIT, light.max_fall * _CLL_UNIT)
    return chunk(b"cICP", bytes(PQ_BT2020)) + chunk(b"mDCV", DisplayCodes(display).pack("rgb")) + chunk(b"cLLI", levels)


def copy_with(source: BinaryIO, target: BinaryIO, addition: bytes) -> None:
    """Copy a PNG file: ``addition`` follows IHDR, and of the other chunks only the picture's own remain."""
    target.write(SIGNATURE)
    for kind, position, length in chunks(source):
        if kind not in (b"IHDR", b"IDAT", b"IEND"):
            continue
        source.seek(position - 8)
        target.write(source.read(12 + length))
        if kind == b"IHDR":
            target.write(addition)


def write_sdr(path: Path, codes: np.ndarray, *, overwrite: bool = False) -> None:
    """A video's SDR frame R'G'B' [3,H,W] in [0,1] as 8 bits; cICP says that it is BT.709, meant for BT.1886.

    Raises UserError for a target that cannot be written.
    """
    from PIL import Image

    pixels = np.ascontiguousarray(np.moveaxis(np.floor(codes.clip(0, 1) * 255 + 0.5).astype(np.uint8), 0, -1))
    with AtomicFile(path, overwrite=overwrite) as file:
        Image.fromarray(pixels).save(file.scratch, format="png")
        with file.scratch.open("rb") as plain, file.partial.open("wb") as tagged:
            copy_with(plain, tagged, chunk(b"cICP", _BT709))
