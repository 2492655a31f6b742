"""Static HDR10 metadata (SMPTE ST 2086, CTA-861.3) in the binary forms in which files carry it."""

import struct
from dataclasses import dataclass
from typing import Self

from lumaflux.color.primaries import BT2020, Chromaticity, Primaries

_XY_UNIT = 50000  # ST 2086 5.2, H.265 D.3.28: chromaticity in steps of 0.00002
_NITS_UNIT = 10000  # luminance in steps of 0.0001 cd/m2


@dataclass(frozen=True, kw_only=True)
class MasteringDisplay:
    """Primaries and luminance range (cd/m2) of the display the picture is meant for (ST 2086)."""

    primaries: Primaries
    max_nits: float
    min_nits: float


@dataclass(frozen=True, kw_only=True)
class ContentLight:
    """MaxCLL and MaxFALL in whole cd/m2 (CTA-861.3); 0 says unknown."""

    max_cll: int
    max_fall: int


def container_display(peak_nits: float) -> MasteringDisplay:
    """The display HDR10 files are declared for: the BT.2020 container gamut, ``peak_nits``, 0.0001 cd/m2 black."""
    return MasteringDisplay(primaries=BT2020, max_nits=float(peak_nits), min_nits=0.0001)


class DisplayCodes:
    """The integers of ST 2086, with ``order`` telling in which the primaries go: ``gbr`` in H.265, ``rgb`` in PNG."""

    def __init__(self, display: MasteringDisplay):
        p = display.primaries
        self.xy = {
            name: (round(x * _XY_UNIT), round(y * _XY_UNIT))
            for name, (x, y) in (("r", p.red), ("g", p.green), ("b", p.blue), ("w", p.white))
        }
        self.max_nits = round(display.max_nits * _NITS_UNIT)
        self.min_nits = round(display.min_nits * _NITS_UNIT)

    def pack(self, order: str) -> bytes:
        """24 bytes: an H.265 SEI's or ISO/IEC 14496-12 ``mdcv`` box's (``gbr``), a PNG ``mDCV`` chunk's (``rgb``)."""
        xy = [value for name in (*order, "w") for value in self.xy[name]]
        return struct.pack(">8H2I", *xy, self.max_nits, self.min_nits)

    def x265(self) -> str:
        """The value of x265's ``master-display``."""
        points = "".join(
            f"{label}({self.xy[name][0]},{self.xy[name][1]})"
            for label, name in (("G", "g"), ("B", "b"), ("R", "r"), ("WP", "w"))
        )
        return f"{points}L({self.max_nits},{self.min_nits})"


def unpack_display(payload: bytes, order: str) -> MasteringDisplay:
    """The inverse of :meth:`DisplayCodes.pack`. Raises struct.error unless ``payload`` has 24 bytes."""
    *xy, high, low = struct.unpack(">8H2I", payload)
    points = {name: (xy[2 * i] / _XY_UNIT, xy[2 * i + 1] / _XY_UNIT) for i, name in enumerate((*order, "w"))}
    primaries = Primaries(red=points["r"], green=points["g"], blue=points["b"], white=points["w"])
    return MasteringDisplay(primaries=primaries, max_nits=high / _NITS_UNIT, min_nits=low / _NITS_UNIT)


class FrameSideData:
    """What libavutil attaches to a decoded frame: AVMasteringDisplayMetadata and AVContentLightMetadata, and as they
    lie in memory AVStereo3D (``stereo``) and AVSphericalMapping (``sphere``), empty where there are none."""

    _DISPLAY = struct.Struct("=20i2i")  # ten AVRational, then has_primaries and has_luminance
    _LIGHT = struct.Struct("=2I")

    def __init__(self, display: MasteringDisplay | None, light: ContentLight | None, stereo: bytes, sphere: bytes):
        self.display, self.light, self.stereo, self.sphere = display, light, stereo, sphere

    @classmethod
    def of(cls, frame) -> Self:
        """Read the side data of an ``av.VideoFrame``."""
        found = {item.type.name: bytes(item) for item in frame.side_data}
        display = light = None
        if (raw := found.get("MASTERING_DISPLAY_METADATA")) and len(raw) >= cls._DISPLAY.size:
            display = cls._display(cls._DISPLAY.unpack_from(raw))
        if (raw := found.get("CONTENT_LIGHT_LEVEL")) and len(raw) >= cls._LIGHT.size:
            cll, fall = cls._LIGHT.unpack_from(raw)
            light = ContentLight(max_cll=cll, max_fall=fall)
        return cls(display, light, found.get("STEREO3D", b""), found.get("SPHERICAL", b""))

    @staticmethod
    def _display(fields: tuple[int, ...]) -> MasteringDisplay | None:
        *rationals, has_primaries, has_luminance = fields
        if not (has_primaries and has_luminance):
            return None
        v = [n / d if d else 0.0 for n, d in zip(rationals[0::2], rationals[1::2], strict=True)]
        points: list[Chromaticity] = [(v[i], v[i + 1]) for i in (0, 2, 4, 6)]
        primaries = Primaries(red=points[0], green=points[1], blue=points[2], white=points[3])
        return MasteringDisplay(primaries=primaries, min_nits=v[8], max_nits=v[9])
