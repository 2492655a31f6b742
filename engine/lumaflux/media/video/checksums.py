"""Sums that files carry beside their pictures: Matroska's clusters and FFV1's slices. Decoders and demuxers pass over
what contradicts them."""

import os
import zlib
from typing import BinaryIO

from lumaflux.media.video import ebml

_STEP = 1 << 24
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_FFV1_FOOTER = 8  # bytes behind a slice: its size, whether it was made with errors, its parity (RFC 9043 4.9)


def crc32_msb_first(data: bytes) -> int:
    """CRC-32 without reflection and inversion, by one that has both: Ogg's and FFV1's."""
    mirrored = zlib.crc32(data.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def cluster_is_sound(file: BinaryIO, cluster: ebml.Element) -> bool:
    """Whether ``cluster`` agrees with the CRC-32 that it begins with (RFC 8794 11.3.1); True where it has none, or is
    not all there."""
    first = ebml.at(file, cluster.payload)
    size = file.seek(0, os.SEEK_END)
    if first is None or first.id != ebml.CRC_32 or first.end - first.payload != 4 or cluster.unknown:
        return True
    if cluster.end > size or first.end > cluster.end:
        return True
    stated, found = int.from_bytes(ebml.read(file, first), "little"), 0
    file.seek(first.end)
    for start in range(first.end, cluster.end, _STEP):
        found = zlib.crc32(file.read(min(_STEP, cluster.end - start)), found)
    return found == stated


def slices_are_sound(picture: bytes) -> bool:
    """Whether ``picture``, coded by FFV1 of version 3, is a row of slices each with the parity of its bytes (RFC 9043
    4.9.3). False also for one whose slices carry none."""
    end = len(picture)
    while end > _FFV1_FOOTER:
        start = end - _FFV1_FOOTER - int.from_bytes(picture[end - 8 : end - 5], "big")
        if start < 0 or crc32_msb_first(picture[start:end]):
            return False
        end = start
    return end == 0 and bool(picture)
