"""A gain map between an SDR and an HDR picture, and what it says of itself: ISO 21496-1 and Adobe's XMP (hdrgm 1.0)."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OFFSET = 1 / 64  # added to both sides of the ratio, of SDR white
_DENOMINATOR = 1 << 20
_MULTICHANNEL, _BASE_COLOUR_SPACE = 1 << 7, 1 << 6
_LEAST_RANGE = 1 / 256  # stops: a map of nothing still needs a range


@dataclass(frozen=True, kw_only=True)
class EncodedGain:
    """``codes``: uint8 [3,h,w]; 0 and 255 stand for ``low`` and ``high``, stops of each channel. ``headroom``: stops
    above SDR white that show the whole HDR picture."""

    codes: NDArray[np.uint8]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    headroom: float


def encode_gain(sdr_linear: NDArray[np.float32], hdr_linear: NDArray[np.float32], peak: float) -> EncodedGain:
    """Relative light [3,H,W] of both pictures in the same primaries, SDR white = 1; ``peak``: the HDR picture's.

    The map has half the size in both directions where the picture is large. Raises ValueError for other shapes.
    """
    if sdr_linear.shape != hdr_linear.shape or sdr_linear.ndim != 3 or sdr_linear.shape[0] != 3:
        raise ValueError(f"expected two pictures [3,H,W], got {sdr_linear.shape} and {hdr_linear.shape}")
    stops = np.log2((hdr_linear.clip(0, None) + OFFSET) / (sdr_linear.clip(0, None) + OFFSET))
    if min(stops.shape[1:]) >= 512:
        stops = _halved(stops)
    low, high = stops.min(axis=(1, 2)), stops.max(axis=(1, 2))
    high = np.maximum(high, low + _LEAST_RANGE)
    share = (stops - low[:, None, None]) / (high - low)[:, None, None]
    red, green, blue = (float(value) for value in low)
    highs = tuple(float(value) for value in high)
    return EncodedGain(
        codes=(255 * share + 0.5).astype(np.uint8),
        low=(red, green, blue),
        high=(highs[0], highs[1], highs[2]),
        headroom=float(np.log2(max(peak, 1 + _LEAST_RANGE))),
    )


def _halved(stops: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = (side // 2 * 2 for side in stops.shape[1:])
    even = stops[:, :height, :width]
    return even.reshape(3, height // 2, 2, width // 2, 2).mean(axis=(2, 4))


def iso_metadata(gain: EncodedGain) -> bytes:
    """The binary form (Annex C.2): version 0, three channels, gains in the base picture's colours.

    Every number has its denominator: a common one is a form that not all readers know.
    """

    def fixed(value: float, form: str = "i") -> bytes:
        return struct.pack(f">{form}I", round(value * _DENOMINATOR), _DENOMINATOR)

    out = struct.pack(">HHB", 0, 0, _MULTICHANNEL | _BASE_COLOUR_SPACE) + fixed(0, "I") + fixed(gain.headroom, "I")
    for low, high in zip(gain.low, gain.high, strict=True):
        out += fixed(low) + fixed(high) + fixed(1, "I") + fixed(OFFSET) + fixed(OFFSET)
    return out


def iso_version() -> bytes:
    """What the base picture carries to say that a gain map follows."""
    return struct.pack(">HH", 0, 0)


def xmp_of_map(gain: EncodedGain) -> bytes:
    """XMP of the map itself (Adobe Gain Map 1.0, Ultra HDR 1.1)."""

    def sequence(name: str, values: tuple[float, float, float]) -> str:
        items = "".join(f"<rdf:li>{value:.6f}</rdf:li>" for value in values)
        return f"<hdrgm:{name}><rdf:Seq>{items}</rdf:Seq></hdrgm:{name}>"

    return _packet(
        'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" hdrgm:Gamma="1.0" '
        f'hdrgm:OffsetSDR="{OFFSET}" hdrgm:OffsetHDR="{OFFSET}" hdrgm:HDRCapacityMin="0.0" '
        f'hdrgm:HDRCapacityMax="{gain.headroom:.6f}" hdrgm:BaseRenditionIsHDR="False"',
        sequence("GainMapMin", gain.low) + sequence("GainMapMax", gain.high),
    )


def xmp_of_base(map_bytes: int) -> bytes:
    """XMP of the picture that the map belongs to: a directory of both (GContainer)."""

    def item(semantic: str, length: str = "") -> str:
        return (
            f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{semantic}" Item:Mime="image/jpeg"'
            f"{length}/></rdf:li>"
        )

    items = item("Primary") + item("GainMap", f' Item:Length="{map_bytes}"')
    return _packet(
        'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
        'xmlns:Item="http://ns.google.com/photos/1.0/container/item/" '
        'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"',
        f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>",
    )


def _packet(attributes: str, content: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {attributes}>{content}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()
