"""HDR10+ (SMPTE ST 2094-40): measured light as dynamic metadata, in JSON and as a T.35 message.

Profile A is that alone; in profile B a curve leads a targeted display to the SDR grade.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lumaflux.color.st2094_40 import GuidedMapping
from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.video.hevc_light_sei import prefix_sei_nal

# The nine entries of the distribution as version 1 of the application defines them. Three are not the percentile that
# they are named by: 5 is DistributionY99, max(R,G,B) at 99.99 % of the pixels; 10 is DistributionY100nit, the share of
# the pixels, 0 to 100 %, whose max(R,G,B) is at most 100 cd/m2; 99 is max(R,G,B) at 99.98 %.
INDEXES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
_PERCENTILE = {5: 99.99, 99: 99.98}  # of the others the index itself
_SHARE_INDEX, _SHARE_NITS = 10, 100.0
_UNITS_A_NIT = 10  # ST 2094-40: 100000 is 10000 cd/m2
_LARGEST = 100000
_T35_HEAD = bytes.fromhex("b5003c000104")  # country, provider, its code, application 4 (ST 2094-40 Annex)
REGISTERED_T35 = 4  # H.265 D.2.6
_FIRST_PARAMETER_SET = 32  # nal_unit_type of VCL units is smaller (H.265 Table 7-1)


@dataclass(frozen=True, kw_only=True)
class DynamicLight:
    """Light of a frame or of a scene in units of 0.1 cd/m2: the largest R, G and B, the mean of max(R,G,B), and the
    distribution of max(R,G,B) by INDEXES, of which the third is a percentage of pixels; ``mapping`` in profile B."""

    max_scl: tuple[int, int, int]
    average: int
    distribution: tuple[int, ...]
    mapping: GuidedMapping | None = None

    @property
    def peak_nits(self) -> float:
        """The largest R, G or B; what the curve of ``mapping`` counts light in."""
        return max(self.max_scl) / _UNITS_A_NIT

    @classmethod
    def of(cls, levels: LightLevels) -> Self:
        """Raises ValueError of levels without a frame."""
        red, green, blue = (_units(float(nits)) for nits in levels.max_scl_nits)
        largest = max(red, green, blue)  # percentiles are rounded to a bin of the histogram, and must not pass it

        def entry(index: int) -> int:
            if index == _SHARE_INDEX:
                return round(levels.percent_up_to(_SHARE_NITS))
            return min(largest, _units(levels.percentile_nits(_PERCENTILE.get(index, index))))

        return cls(
            max_scl=(red, green, blue),
            average=_units(levels.mean_nits),
            distribution=tuple(entry(index) for index in INDEXES),
        )

    def message(self) -> bytes:
        """The registered user data of Rec. ITU-T T.35, with one window."""
        target = 0 if self.mapping is None else self.mapping.target_nits
        fields = [(1, 8), (1, 2), (target, 27), (0, 1)]  # version, windows, targeted display, its actual peak
        fields += [(value, 17) for value in (*self.max_scl, self.average)]
        fields.append((len(INDEXES), 4))
        for index, value in zip(INDEXES, self.distribution, strict=True):
            fields += [(index, 7), (value, 17)]
        fields += [(0, 10), (0, 1), (int(self.mapping is not None), 1)]  # bright pixels, mastering peak, tone mapping
        if self.mapping is not None:
            fields += [(value, 12) for value in self.mapping.knee]
            fields.append((len(self.mapping.anchors), 4))
            fields += [(anchor, 10) for anchor in self.mapping.anchors]
        fields.append((0, 1))  # saturation
        bits = "".join(f"{value:0{width}b}" for value, width in fields)
        padded = bits + "0" * (-len(bits) % 8)
        return _T35_HEAD + int(padded, 2).to_bytes(len(padded) // 8, "big")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """``frames`` frames in a row that share their metadata."""

    frames: int
    light: DynamicLight


def with_message(access_unit: bytes, message: bytes) -> bytes:
    """An HEVC access unit (Annex B) with the message as a prefix SEI before its first slice.

    Raises ValueError for an access unit without a slice.
    """
    return with_nal(access_unit, prefix_sei_nal(REGISTERED_T35, message))


def with_nal(access_unit: bytes, nal: bytes) -> bytes:
    """The same of a NAL unit that is made already."""
    place = access_unit.find(b"\x00\x00\x01")
    while place >= 0:
        if (access_unit[place + 3] >> 1) & 0x3F < _FIRST_PARAMETER_SET:
            place -= place > 0 and access_unit[place - 1] == 0  # the start code may have four bytes
            return access_unit[:place] + b"\x00\x00\x00\x01" + nal + access_unit[place:]
        place = access_unit.find(b"\x00\x00\x01", place + 3)
    raise ValueError("The access unit holds no slice.")


def write_json(path: Path, scenes: Sequence[Scene], *, overwrite: bool = False) -> None:
    """The JSON that HDR10+ tools exchange; an entry a frame. Raises UserError where it cannot be written."""
    with AtomicFile(path, overwrite=overwrite) as made, made.partial.open("w", encoding="utf-8") as file:
        file.writelines(_text(scenes))


def read_json(path: Path) -> list[Scene]:
    """What :func:`write_json` wrote. Raises UserError for another file."""
    scenes: list[Scene] = []
    try:
        for entry in json.loads(path.read_bytes())["SceneInfo"]:
            light = _light(entry)
            if entry["SceneFrameIndex"] == 0:
                scenes.append(Scene(frames=0, light=light))
            scenes[-1] = Scene(frames=scenes[-1].frames + 1, light=light)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(f"{path} is no HDR10+ metadata ({error}); name the file of --hdr10plus") from None
    return scenes


def _light(entry: dict[str, Any]) -> DynamicLight:
    measured, curve = entry["LuminanceParameters"], entry.get("BezierCurveData")
    mapping = None
    if curve is not None:
        mapping = GuidedMapping(
            target_nits=entry["TargetedSystemDisplayMaximumLuminance"],
            knee=(curve["KneePointX"], curve["KneePointY"]),
            anchors=tuple(curve["Anchors"]),
        )
    red, green, blue = measured["MaxScl"]
    return DynamicLight(
        max_scl=(red, green, blue),
        average=measured["AverageRGB"],
        distribution=tuple(measured["LuminanceDistributions"]["DistributionValues"]),
        mapping=mapping,
    )


def _text(scenes: Sequence[Scene]) -> Iterator[str]:
    profile = "B" if any(scene.light.mapping is not None for scene in scenes) else "A"
    head = {"JSONInfo": {"HDR10plusProfile": profile, "Version": "1.0"}}
    yield json.dumps(head)[:-1] + ', "SceneInfo": [\n'
    number = 0
    for scene_id, scene in enumerate(scenes):
        for index in range(scene.frames):
            yield (",\n" if number else "") + json.dumps(_entry(scene.light, number, scene_id, index))
            number += 1
    starts = [sum(scene.frames for scene in scenes[:index]) for index in range(len(scenes))]
    summary = {"SceneFirstFrameIndex": starts, "SceneFrameNumbers": [scene.frames for scene in scenes]}
    tool = {"Tool": "LumaFlux", "Version": "1"}
    yield f'\n], "SceneInfoSummary": {json.dumps(summary)}, "ToolInfo": {json.dumps(tool)}}}\n'


def _entry(light: DynamicLight, number: int, scene: int, index: int) -> dict[str, Any]:
    curve: dict[str, Any] = {}
    if (mapping := light.mapping) is not None:
        (x, y), anchors = mapping.knee, list(mapping.anchors)
        curve = {"BezierCurveData": {"Anchors": anchors, "KneePointX": x, "KneePointY": y}}
    return {
        **curve,
        "LuminanceParameters": {
            "AverageRGB": light.average,
            "LuminanceDistributions": {
                "DistributionIndex": list(INDEXES),
                "DistributionValues": list(light.distribution),
            },
            "MaxScl": list(light.max_scl),
        },
        "NumberOfWindows": 1,
        "TargetedSystemDisplayMaximumLuminance": 0 if mapping is None else mapping.target_nits,
        "SceneFrameIndex": index,
        "SceneId": scene,
        "SequenceFrameIndex": number,
    }


def _units(nits: float) -> int:
    return min(_LARGEST, max(0, round(nits * _UNITS_A_NIT)))
