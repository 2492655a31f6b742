"""The items of an HEIF file (ISO/IEC 23008-12), as HEIC and AVIF are: what they hold, how they refer to one another.

Decoders show the primary item alone; a gain map is another one. It is decoded by the same libraries, from a copy of the
file in which it is primary.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_HIDDEN = 1  # infe's flag, 23008-12 6.4.2
TURNS = (b"irot", b"imir")


@dataclass(frozen=True, kw_only=True)
class Item:
    """``kind``: its four letters. ``properties``: whole boxes and whether a reader must know them."""

    kind: bytes
    payload: bytes
    properties: tuple[tuple[bytes, bool], ...] = ()
    hidden: bool = False

    def property_of(self, kind: bytes) -> bytes | None:
        """The first property of that kind, without its header."""
        return next((box[8:] for box, _ in self.properties if box[4:8] == kind), None)


@dataclass(kw_only=True)
class HeifItems:
    """``refers``: kind, from, to. ``places``: where a copy changes the primary item and what is hidden."""

    primary: int
    items: dict[int, Item]
    refers: list[tuple[bytes, int, tuple[int, ...]]]
    places: "_Places" = field(repr=False)

    @classmethod
    def of(cls, data: bytes) -> "HeifItems":
        """Of a whole file. Raises ValueError for boxes that are not sound."""
        try:
            return _parsed(data)
        except (struct.error, IndexError, KeyError) as error:
            raise ValueError("its boxes are cut off or contradict one another") from error

    def referring(self, kind: bytes, to: int) -> list[int]:
        """The items that refer so to item ``to``."""
        return [source for each, source, targets in self.refers if each == kind and to in targets]

    def with_primary(self, data: bytes, item: int) -> bytes:
        """A copy of the file in which ``item`` is what decoders show."""
        out = bytearray(data)
        position, width = self.places.primary
        out[position : position + width] = item.to_bytes(width, "big")
        out[self.places.flags[item]] &= ~_HIDDEN & 0xFF
        return bytes(out)


@dataclass(frozen=True)
class _Places:
    primary: tuple[int, int]  # offset and bytes of pitm's number
    flags: dict[int, int]  # of the last byte of each infe's flags


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte after the header, and end. Raises ValueError for a size beyond ``end``."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        payload = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, payload)
            payload += 8
        size = size or end - start
        if size < payload - start or start + size > end:
            raise ValueError(f"its box {kind.decode('latin-1')} has a size that cannot be")
        yield kind, payload, start + size
        start += size


def _parsed(data: bytes) -> HeifItems:
    outer = {kind: (at, end) for kind, at, end in boxes(data, 0, len(data)) if kind == b"meta"}
    at, end = outer[b"meta"]
    meta = {kind: (at, end) for kind, at, end in boxes(data, at + 4, end)}
    at, _ = meta[b"pitm"]
    width = 2 if data[at] == 0 else 4
    kinds, flags = _kinds(data, *meta[b"iinf"])
    places = _locations(data, *meta[b"iloc"], meta.get(b"idat", (0, 0))[0])
    owned = _properties(data, *meta[b"iprp"])
    items = {
        number: Item(
            kind=kind,
            payload=places.get(number, b""),
            properties=tuple(owned.get(number, ())),
            hidden=bool(data[flags[number]] & _HIDDEN),
        )
        for number, kind in kinds.items()
    }
    return HeifItems(
        primary=int.from_bytes(data[at + 4 : at + 4 + width], "big"),
        items=items,
        refers=_references(data, *meta[b"iref"]) if b"iref" in meta else [],
        places=_Places((at + 4, width), flags),
    )


def _kinds(data: bytes, at: int, end: int) -> tuple[dict[int, bytes], dict[int, int]]:
    kinds, flags = {}, {}
    for kind, inside, _ in boxes(data, at + (6 if data[at] == 0 else 8), end):
        if kind == b"infe" and data[inside] >= 2:
            width = 2 if data[inside] == 2 else 4
            number = int.from_bytes(data[inside + 4 : inside + 4 + width], "big")
            kinds[number] = data[inside + 6 + width : inside + 10 + width]
            flags[number] = inside + 3
    return kinds, flags


def _locations(data: bytes, at: int, end: int, inside_meta: int) -> dict[int, bytes]:
    """iloc (14496-12 8.11.3): the bytes of each item, of the file or of idat."""
    version = data[at]
    widths = (data[at + 4] >> 4, data[at + 4] & 15, data[at + 5] >> 4, data[at + 5] & 15)
    position, found = at + 6, {}

    def take(width: int) -> int:
        nonlocal position
        if position + width > end:
            raise ValueError("its table of items is cut off")
        position += width
        return int.from_bytes(data[position - width : position], "big")

    for _ in range(take(2 if version < 2 else 4)):
        number = take(2 if version < 2 else 4)
        method = take(2) & 15 if version else 0
        outside = take(2) != 0
        base, parts = take(widths[2]), []
        for _ in range(take(2)):
            take(widths[3] if version else 0)
            offset, length = take(widths[0]), take(widths[1])
            start = base + offset + (inside_meta if method == 1 else 0)
            parts.append(data[start : start + length])
            if len(parts[-1]) != length:
                raise ValueError("an item of it lies outside of the file")
        if method <= 1 and not outside:
            found[number] = b"".join(parts)
    return found


def _properties(data: bytes, at: int, end: int) -> dict[int, list[tuple[bytes, bool]]]:
    every, owned = list[bytes](), dict[int, list[tuple[bytes, bool]]]()
    for kind, inside, stop in boxes(data, at, end):
        if kind == b"ipco":
            every = [box(name, data[start:last]) for name, start, last in boxes(data, inside, stop)]
    for kind, inside, _ in boxes(data, at, end):
        if kind == b"ipma":
            wide_number, wide_index = data[inside] >= 1, bool(data[inside + 3] & 1)
            (count,) = struct.unpack_from(">I", data, inside + 4)
            position = inside + 8
            for _ in range(count):
                (number,) = struct.unpack_from(">I" if wide_number else ">H", data, position)
                position += 4 if wide_number else 2
                associations, position = data[position], position + 1
                for _ in range(associations):
                    (value,) = struct.unpack_from(">H" if wide_index else ">B", data, position)
                    position += 2 if wide_index else 1
                    bits = 15 if wide_index else 7
                    if index := value & ((1 << bits) - 1):
                        owned.setdefault(number, []).append((every[index - 1], bool(value >> bits)))
    return owned


def _references(data: bytes, at: int, end: int) -> list[tuple[bytes, int, tuple[int, ...]]]:
    form, width = (">H", 2) if data[at] == 0 else (">I", 4)
    found = []
    for kind, inside, _ in boxes(data, at + 4, end):
        (source,) = struct.unpack_from(form, data, inside)
        (count,) = struct.unpack_from(">H", data, inside + width)
        targets = [struct.unpack_from(form, data, inside + width + 2 + width * n)[0] for n in range(count)]
        found.append((kind, source, tuple(targets)))
    return found


def box(kind: bytes, payload: bytes) -> bytes:
    """One box with a 32-bit size."""
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def heif_file(
    brands: Sequence[bytes],
    items: Sequence[Item],
    refers: Sequence[tuple[bytes, int, tuple[int, ...]]],
    alternatives: tuple[int, ...] = (),
) -> bytes:
    """A file of ``items``, numbered from 1, the first one primary; ``alternatives``: items of which a reader shows the
    first that it knows (the group ``altr``)."""
    every = list(dict.fromkeys(found for item in items for found, _ in item.properties))
    if len(every) > 127:
        raise ValueError(f"{len(every)} properties are more than a short index holds")
    ownership = b""
    for number, item in enumerate(items, 1):
        indices = bytes((must << 7) | (every.index(found) + 1) for found, must in item.properties)
        ownership += struct.pack(">HB", number, len(indices)) + indices
    information = b"".join(
        box(b"infe", bytes([2, 0, 0, item.hidden]) + struct.pack(">HH4s", number, 0, item.kind) + b"\0")
        for number, item in enumerate(items, 1)
    )
    links = b"".join(
        box(kind, struct.pack(f">HH{len(targets)}H", source, len(targets), *targets))
        for kind, source, targets in refers
    )
    group = struct.pack(f">III{len(alternatives)}I", 0, 1000, len(alternatives), *alternatives)

    def meta(start: int) -> bytes:
        located = struct.pack(">IBBH", 0, 0x44, 0, len(items))
        for number, item in enumerate(items, 1):
            located += struct.pack(">HHHII", number, 0, 1, start, len(item.payload))
            start += len(item.payload)
        return box(
            b"meta",
            bytes(4)
            + box(b"hdlr", bytes(8) + b"pict" + bytes(13))
            + box(b"pitm", struct.pack(">IH", 0, 1))
            + box(b"iloc", located)
            + box(b"iinf", struct.pack(">IH", 0, len(items)) + information)
            + (box(b"iref", bytes(4) + links) if refers else b"")
            + box(b"iprp", box(b"ipco", b"".join(every)) + box(b"ipma", struct.pack(">II", 0, len(items)) + ownership))
            + (box(b"grpl", box(b"altr", group)) if alternatives else b""),
        )

    first = box(b"ftyp", brands[0] + bytes(4) + b"".join(brands))
    media = box(b"mdat", b"".join(item.payload for item in items))
    return first + meta(len(first) + len(meta(0)) + 8) + media
