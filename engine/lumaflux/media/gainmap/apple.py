"""Apple's gain maps in HEIC: an auxiliary picture, and the headroom in the maker notes or the map's own XMP.

Source: Apple, "Applying Apple HDR effect to your photos". Light is SDR (1 + (headroom - 1) map), with the map linear.
"""

import re
import struct

import numpy as np
from numpy.typing import NDArray

from lumaflux.media.gainmap.metadata import GainMapMetadata

AUXILIARY = b"urn:com:apple:photo:2020:aux:hdrgainmap"
_EXIF_IFD, _MAKER_NOTE = 0x8769, 0x927C
_HEADROOM, _GAIN = 33, 48
_SIGNED_RATIONAL = 10
_STATED = re.compile(rb"HDRGainMapHeadroom(?:=\"|>)\s*([0-9.]+)")


def headroom_of(exif: bytes | None, xmp: bytes) -> float | None:
    """Light of the brightest white over SDR white: what the map's XMP states, or else by the picture's maker notes.

    None where neither says it: then Apple's map is not to be applied.
    """
    if (stated := _STATED.search(xmp)) is not None and float(stated[1]) >= 1:
        return float(stated[1])
    notes = _maker_notes(exif)
    if _HEADROOM not in notes or _GAIN not in notes:
        return None
    bright, gain = notes[_HEADROOM] >= 1, notes[_GAIN]
    if gain <= 0.01:
        stops = -70 * gain + 3 if bright else -20 * gain + 1.8
    else:
        stops = -0.303 * gain + 2.303 if bright else -0.101 * gain + 1.601
    return float(2 ** max(stops, 0))


def _maker_notes(exif: bytes | None) -> dict[int, float]:
    """The signed rationals of Apple's notes; none where they are another make's or not sound."""
    from PIL import Image

    try:
        read = Image.Exif()
        read.load((exif or b"").removeprefix(b"Exif\0\0"))
        notes = read.get_ifd(_EXIF_IFD).get(_MAKER_NOTE)
        if not isinstance(notes, bytes) or not notes.startswith(b"Apple iOS\0"):
            return {}
        order = {b"MM": ">", b"II": "<"}[notes[12:14]]
        (count,) = struct.unpack_from(f"{order}H", notes, 14)
        found = {}
        for number in range(count):
            tag, form, _, offset = struct.unpack_from(f"{order}HHII", notes, 16 + 12 * number)
            if form == _SIGNED_RATIONAL:
                numerator, denominator = struct.unpack_from(f"{order}ii", notes, offset)
                found[tag] = numerator / denominator if denominator else 0.0
        return found
    except (OSError, ValueError, KeyError, SyntaxError, TypeError, struct.error):
        return {}


def in_stops(gain_map: NDArray[np.float32], headroom: float) -> tuple[NDArray[np.float32], GainMapMetadata]:
    """The same map [3,H,W] in [0,1] as ISO 21496-1 has it, in shares of its stops; it is coded by BT.709's curve."""
    linear = np.where(gain_map < 0.081, gain_map / 4.5, ((gain_map + 0.099) / 1.099) ** (1 / 0.45))  # BT.709-6 1.2
    most = max(float(np.log2(headroom)), 1 / 256)
    stops = np.log2(1 + (headroom - 1) * linear.clip(0, 1))
    nothing, ones = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    metadata = GainMapMetadata(
        gain_min=nothing,
        gain_max=(most, most, most),
        gamma=ones,
        offset_base=nothing,
        offset_alternate=nothing,
        headroom_base=0.0,
        headroom_alternate=most,
    )
    return (stops / most).astype(np.float32), metadata
