"""Where the gain map of an HEIC or AVIF file is: behind a tone-mapped item (``tmap``, ISO 21496-1) or Apple's own."""

from dataclasses import dataclass

from lumaflux.media.gainmap.apple import AUXILIARY
from lumaflux.media.gainmap.heif_items import TURNS, HeifItems


@dataclass(frozen=True, kw_only=True)
class HeifGain:
    """``metadata``: of ISO 21496-1, binary, or None for Apple's auxiliary picture, whose own ``xmp`` may state its
    headroom. ``alternate``: H.273's codes of the HDR picture's primaries and transfer. ``turns``: whether the map is
    stored with the turns of its base."""

    item: int
    metadata: bytes | None
    xmp: bytes = b""
    alternate: tuple[int, int] | None = None
    turns: bool = True


def heif_gain(data: bytes) -> HeifGain | None:
    """Of the primary picture; None where it has none. Raises ValueError for boxes or metadata that are not sound."""
    if b"tmap" not in data and AUXILIARY not in data:
        return None
    file = HeifItems.of(data)
    for kind, source, targets in file.refers:
        item = file.items.get(source)
        if item is not None and item.kind == b"tmap" and kind == b"dimg" and targets[:1] == (file.primary,):
            if len(targets) != 2 or targets[1] not in file.items or item.payload[:1] != b"\0":
                raise ValueError("its tone-mapped item is not one of a base and a gain map")
            color = item.property_of(b"colr") or b""
            codes = (int.from_bytes(color[4:6], "big"), int.from_bytes(color[6:8], "big"))
            return HeifGain(
                item=targets[1],
                metadata=item.payload[1:],
                alternate=codes if color[:4] == b"nclx" and len(color) >= 8 else None,
                turns=_turned_alike(file, targets[1]),
            )
    for number in file.referring(b"auxl", file.primary):
        item = file.items.get(number)
        if item is not None and (item.property_of(b"auxC") or b"")[4:].startswith(AUXILIARY):
            said = (file.items[each] for each in file.referring(b"cdsc", number) if each in file.items)
            xmp = b"".join(each.payload for each in said if each.kind == b"mime")
            return HeifGain(item=number, metadata=None, xmp=xmp, turns=_turned_alike(file, number))
    return None


def _turned_alike(file: HeifItems, item: int) -> bool:
    """Whether a map is turned as its base is: some writers turn the base alone."""
    first, second = (
        [found for found, _ in file.items[each].properties if found[4:8] in TURNS] for each in (file.primary, item)
    )
    return not first or first == second
