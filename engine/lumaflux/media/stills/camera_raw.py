"""Camera raw files, told by their bytes: what a picture reader finds in them is a thumbnail or undeveloped values."""

import os
import struct
from pathlib import Path

_MAGIC = (  # at the file's beginning
    (b"FUJIFILMCCD-RAW", "Fujifilm RAF"),
    (b"IIRO", "Olympus ORF"),
    (b"IIRS", "Olympus ORF"),
    (b"MMOR", "Olympus ORF"),
    (b"IIU\0", "Panasonic RW2"),
    (b"FOVb", "Sigma X3F"),
    (b"\0MRM", "Minolta MRW"),
    (b"HEAPCCDR", "Canon CRW"),
)
_SUFFIXES = {
    ".dng",
    ".nef",
    ".nrw",
    ".arw",
    ".sr2",
    ".srf",
    ".cr2",
    ".pef",
    ".srw",
    ".3fr",
    ".fff",
    ".iiq",
    ".erf",
    ".rwl",
}
_CFA, _LINEAR_RAW = 32803, 34892  # photometric interpretations of TIFF/EP and DNG
_PHOTOMETRIC, _SUB_IFDS, _DNG_VERSION = 262, 330, 50706
_TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 13: 4, 16: 8}


def camera_raw(path: str | os.PathLike) -> str | None:
    """What kind of raw file ``path`` is, in words; None for any other."""
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(1 << 16)
        for magic, words in _MAGIC:
            if head.startswith(magic) or head[6:14] == magic:
                return words
        if head[4:12] == b"ftypcrx ":
            return "Canon CR3"
        if head[:4] not in (b"II*\0", b"MM\0*"):
            return None
        if head[8:10] == b"CR":
            return "Canon CR2"
        order = "<" if head[:2] == b"II" else ">"
        try:
            (first,) = struct.unpack_from(f"{order}I", head, 4)
            tags = _directory(file, order, first)
            if _DNG_VERSION in tags:
                return "DNG"
            below = [_directory(file, order, offset) for offset in tags.get(_SUB_IFDS, ())[:8]]
        except (struct.error, ValueError):
            return None
    if any(tags.get(_PHOTOMETRIC, (0,))[0] in (_CFA, _LINEAR_RAW) for tags in (tags, *below)):
        return "camera raw"
    return "camera raw" if path.suffix.lower() in _SUFFIXES else None


def _directory(file, order: str, offset: int) -> dict[int, tuple[int, ...]]:
    """The whole-number tags of a TIFF directory (TIFF 6.0, section 2)."""
    file.seek(offset)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    entries = file.read(12 * count)
    found: dict[int, tuple[int, ...]] = {}
    for at in range(0, len(entries) - 11, 12):
        tag, kind, length = struct.unpack_from(f"{order}HHI", entries, at)
        size = _TYPES.get(kind, 0)
        if not size or not 0 < length <= 64:
            continue
        letter = {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
        if size * length <= 4:
            data = entries[at + 8 : at + 12]
        else:
            file.seek(struct.unpack_from(f"{order}I", entries, at + 8)[0])
            data = file.read(size * length)
        found[tag] = struct.unpack_from(f"{order}{length}{letter}", data)
    return found
