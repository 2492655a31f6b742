"""What a gain map says of itself: Adobe's XMP (hdrgm, version 1.0) and the binary form of ISO 21496-1, Annex C."""

import struct
from dataclasses import dataclass
from xml.etree import ElementTree

from lumaflux.media.stills.jpeg_pictures import segments

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ISO = b"urn:iso:std:iso:ts:21496:-1\0"
_HDRGM = "{http://ns.adobe.com/hdr-gain-map/1.0/}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_MULTICHANNEL, _COMMON_DENOMINATOR, _BASE_IS_HDR = 1 << 7, 1 << 3, 1 << 2
_BASE_COLOUR_SPACE = 1 << 6

Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class GainMapMetadata:
    """Per channel R, G, B. Gains and headroom in stops (log2); offsets in relative light, SDR white = 1."""

    gain_min: Triple
    gain_max: Triple
    gamma: Triple
    offset_base: Triple
    offset_alternate: Triple
    headroom_base: float
    headroom_alternate: float
    in_base_colors: bool = True  # or else the gains apply in the alternate picture's primaries

    def __post_init__(self) -> None:
        if min(self.gamma) <= 0:
            raise ValueError("its gamma is not positive")
        if any(low > high for low, high in zip(self.gain_min, self.gain_max, strict=True)):
            raise ValueError("its smallest gain is above its largest")


def metadata_of(picture: bytes) -> GainMapMetadata | None:
    """Of one JPEG picture; None when it is no gain map. ISO's form goes before XMP.

    Raises ValueError for metadata that is not sound, or that says the base picture is HDR already.
    """
    xmp = None
    for segment in segments(picture):
        if segment.payload.startswith(_ISO) and len(segment.payload) > len(_ISO) + 4:  # shorter: the version alone
            return from_iso(segment.payload[len(_ISO) :])
        if segment.payload.startswith(_XMP) and b"hdrgm:" in segment.payload:
            xmp = segment.payload[len(_XMP) :]
    return None if xmp is None else _from_xmp(xmp)


def _from_xmp(text: bytes) -> GainMapMetadata | None:
    try:
        tree = ElementTree.fromstring(text.strip(b"\0 \r\n"))
    except ElementTree.ParseError as error:
        raise ValueError("its metadata is no XML") from error
    found: dict[str, list[str]] = {}
    for description in tree.iter(f"{_RDF}Description"):
        found |= {key.removeprefix(_HDRGM): [v] for key, v in description.attrib.items() if key.startswith(_HDRGM)}
        for child in description:
            if child.tag.startswith(_HDRGM):
                items = [item.text or "" for item in child.iter(f"{_RDF}li")]
                found[child.tag.removeprefix(_HDRGM)] = items or [child.text or ""]
    if "GainMapMax" not in found:
        return None
    if found.get("BaseRenditionIsHDR", ["False"])[0].strip().lower() == "true":
        raise ValueError("its base picture is HDR already")

    def triple(name: str, default: float) -> Triple:
        numbers = [float(text) for text in found.get(name, [str(default)])]
        if len(numbers) not in (1, 3):
            raise ValueError(f"its {name} has {len(numbers)} values")
        red, green, blue = numbers * 3 if len(numbers) == 1 else numbers
        return red, green, blue

    return GainMapMetadata(
        gain_min=triple("GainMapMin", 0.0),
        gain_max=triple("GainMapMax", 0.0),
        gamma=triple("Gamma", 1.0),
        offset_base=triple("OffsetSDR", 1 / 64),
        offset_alternate=triple("OffsetHDR", 1 / 64),
        headroom_base=triple("HDRCapacityMin", 0.0)[0],
        headroom_alternate=triple("HDRCapacityMax", 0.0)[0],
    )


def from_iso(data: bytes, *, knows_alternate: bool = False) -> GainMapMetadata:
    """Of the binary form. ``knows_alternate``: whether the reader knows the primaries of the alternate picture.

    Raises ValueError for metadata that is not sound, or that says the base picture is HDR already.
    """
    if len(data) < 5:
        raise ValueError("its metadata is cut off")
    minimum_version, _, flags = struct.unpack_from(">HHB", data)
    if minimum_version != 0:
        raise ValueError(f"its metadata needs a reader of version {minimum_version}")
    if flags & _BASE_IS_HDR:
        raise ValueError("its base picture is HDR already")
    in_base_colors = bool(flags & _BASE_COLOUR_SPACE)
    if not in_base_colors and not knows_alternate:
        raise ValueError("its gains apply in the colour space of the alternate picture, which is not read")
    position = 5
    common: int | None = None

    def take(form: str) -> int:
        nonlocal position
        (number,) = struct.unpack_from(f">{form}", data, position)
        position += 4
        return number

    def fraction(form: str) -> float:
        numerator = take(form)
        denominator = take("I") if common is None else common
        if denominator == 0:
            raise ValueError("its metadata divides by zero")
        return numerator / denominator

    try:
        if flags & _COMMON_DENOMINATOR:
            common = take("I")
        headroom_base, headroom_alternate = fraction("I"), fraction("I")
        rows = [[fraction(form) for form in "iiIii"] for _ in range(3 if flags & _MULTICHANNEL else 1)]
    except struct.error as error:
        raise ValueError("its metadata is cut off") from error
    if headroom_base > headroom_alternate:
        raise ValueError("its base picture is HDR already")
    if len(rows) == 1:
        rows *= 3
    gain_min, gain_max, gamma, offset_base, offset_alternate = zip(*rows, strict=True)
    return GainMapMetadata(
        gain_min=gain_min,
        gain_max=gain_max,
        gamma=gamma,
        offset_base=offset_base,
        offset_alternate=offset_alternate,
        headroom_base=headroom_base,
        headroom_alternate=headroom_alternate,
        in_base_colors=in_base_colors,
    )
