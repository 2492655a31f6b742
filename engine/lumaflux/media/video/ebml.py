"""Elements of Matroska files (RFC 8794 clauses 5 to 7): find one by its path."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

# Element IDs of RFC 9559
SEGMENT = 0x18538067
CLUSTER = 0x1F43B675
CRC_32 = 0xBF
TRACKS = 0x1654AE6B
TRACK_ENTRY = 0xAE
CODEC_PRIVATE = 0x63A2
VIDEO = 0xE0
COLOUR = 0x55B0
MAX_CLL = 0x55BC
MAX_FALL = 0x55BD
CROP_BOTTOM, CROP_TOP, CROP_LEFT, CROP_RIGHT = 0x54AA, 0x54BB, 0x54CC, 0x54DD
BLOCK_ADDITION_MAPPING = 0x41E4
BLOCK_ADD_ID_TYPE = 0x41E7
BLOCK_ADD_ID_EXTRA_DATA = 0x41ED
CONTENT_ENCODINGS, CONTENT_ENCODING, ENCRYPTION = 0x6D80, 0x6240, 0x5035


@dataclass(frozen=True)
class Element:
    """``payload`` and ``end`` as offsets in the file; of ``unknown`` length, it ends where its parent does."""

    id: int
    payload: int
    end: int
    unknown: bool = False


def _variable_integer(file: BinaryIO, keep_marker: bool) -> tuple[int, bool]:
    """A VINT's value and whether all its bits are ones (an unknown size, RFC 8794 6.2)."""
    first = file.read(1)
    if not first or not first[0]:
        raise EOFError
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big")
    ones = (1 << (7 * length)) - 1
    return (value if keep_marker else value & ones), value & ones == ones


def _children(file: BinaryIO, start: int, end: int) -> Iterator[Element]:
    while start < end:
        file.seek(start)
        try:
            identity, _ = _variable_integer(file, True)
            size, unknown = _variable_integer(file, False)
        except EOFError:
            return
        payload = file.tell()
        start = end if unknown else payload + size
        yield Element(identity, payload, start, unknown)


def at(file: BinaryIO, position: int) -> Element | None:
    """The element that begins at ``position``, one of unknown length with its end there; None where none does."""
    return next(_children(file, position, position + 1), None)


def top_level(file: BinaryIO) -> Iterator[Element]:
    """The elements of the file itself; the last may end beyond it."""
    yield from _children(file, 0, file.seek(0, 2))


def children(file: BinaryIO, parent: Element) -> Iterator[Element]:
    """The elements right below ``parent``."""
    yield from _children(file, parent.payload, parent.end)


def read(file: BinaryIO, element: Element) -> bytes:
    """The payload of a small element, of 64 KiB at most."""
    file.seek(element.payload)
    return file.read(min(element.end - element.payload, 1 << 16))


def track_elements(file: BinaryIO, *path: int) -> Iterator[Element]:
    """Every element with this path below the track entries, which stand before the first cluster."""
    found: list[Element] = []
    for segment in top_level(file):
        if segment.id == SEGMENT:
            for child in children(file, segment):
                if child.id == CLUSTER:
                    break
                found += [child] if child.id == TRACKS else []
            break
    for kind in (TRACK_ENTRY, *path):
        found = [child for element in found for child in children(file, element) if child.id == kind]
    yield from found


def find(file: BinaryIO, path: tuple[int, ...]) -> Element | None:
    """The first element down the first branch that has the whole ``path``, or None."""
    file.seek(0, 2)
    return _find(file, path, 0, file.tell())


def _find(file: BinaryIO, path: tuple[int, ...], start: int, end: int) -> Element | None:
    for element in _children(file, start, end):
        if element.id != path[0]:
            continue
        if len(path) == 1:
            return element
        below = _find(file, path[1:], element.payload, element.end)
        if below:
            return below
    return None
