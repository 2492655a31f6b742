"""Edit lists of MP4 and QuickTime files (ISO/IEC 14496-12 8.6.6): which of a track's samples play, and when.

libavformat plays a late start, cuts and repeated segments. It passes over waits between segments and other speeds, and
shows what no player shows.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lumaflux.errors import UserError
from lumaflux.media.video import isobmff

_NORMAL = 1 << 16  # the rate 1 in 16.16


def refuse_unplayed_edits(path: str | os.PathLike, container: str, track: int) -> None:
    """Raise UserError where the pictures of ``track`` (its ID) play in a way that is not read."""
    if not container.startswith("mov"):
        return
    with Path(path).open("rb") as file:
        entries = list(_entries(file, track))
    for number, (_, start, rate) in enumerate(entries):
        if start >= 0 and rate != _NORMAL:
            what = "a still" if rate == 0 else f"{rate / _NORMAL:g} times the speed"
        elif start < 0 and 0 < number < len(entries) - 1:
            what = "nothing for a while between two parts"
        else:
            continue
        raise UserError(
            f"{path} plays {what} by its edit list (entry {number + 1}), which is not read; export it anew as it plays."
        )


def plays_nothing(path: str | os.PathLike, container: str, track: int) -> bool:
    """Whether the pictures of ``track`` have an edit list whose parts all last no time, or are waits."""
    if not container.startswith("mov"):
        return False
    with Path(path).open("rb") as file:
        entries = list(_entries(file, track))
    return bool(entries) and not any(lasts for lasts, start, _ in entries if start >= 0)


def _entries(file: BinaryIO, track: int) -> Iterator[tuple[int, int, int]]:
    """Duration, start among the samples (-1: nothing is shown) and rate of each segment."""
    movies = [box for box in isobmff.top_level(file) if box.kind == b"moov"]
    for trak in (box for movie in movies[:1] for box in isobmff.inside(file, movie) if box.kind == b"trak"):
        parts = {box.kind: box for box in isobmff.inside(file, trak)}
        if b"tkhd" not in parts or b"edts" not in parts or _track_id(file, parts[b"tkhd"]) != track:
            continue
        for box in isobmff.inside(file, parts[b"edts"]):
            if box.kind == b"elst":
                yield from _rows(_content(file, box))


def _rows(data: bytes) -> Iterator[tuple[int, int, int]]:
    if len(data) < 8:
        return
    row = struct.Struct(">Qqi" if data[0] else ">Iii")
    (count,) = struct.unpack_from(">I", data, 4)
    for start in range(8, min(len(data) - row.size, 8 + (count - 1) * row.size) + 1, row.size):
        yield row.unpack_from(data, start)


def _track_id(file: BinaryIO, header: isobmff.Box) -> int:
    data = _content(file, header)
    place = 20 if data[:1] == b"\1" else 12
    return int.from_bytes(data[place : place + 4], "big")


def _content(file: BinaryIO, box: isobmff.Box) -> bytes:
    file.seek(box.payload)
    return file.read(min(box.end - box.payload, 1 << 20))
