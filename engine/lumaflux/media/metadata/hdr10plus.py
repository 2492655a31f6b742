"""HDR10+ (SMPTE ST 2094-40, profile A): measured light as dynamic metadata, in JSON and as a T.35 message."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.video.hevc_light_sei import prefix_sei_nal

PERCENTAGES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
_UNITS_A_NIT = 10  # ST 2094-40: 100000 is 10000 cd/m2
_LARGEST = 100000
_T35_HEAD = bytes.fromhex("b5003c000104")  # country, provider, its code, application 4 (ST 2094-40 Annex)
_REGISTERED_T35 = 4  # H.265 D.2.6
_FIRST_PARAMETER_SET = 32  # nal_unit_type of VCL units is smaller (H.265 Table 7-1)


@dataclass(frozen=True, kw_only=True)
class DynamicLight:
    """Light of a frame or of a scene in units of 0.1 cd/m2: the largest R, G and B, the mean of max(R,G,B), and
    max(R,G,B) at PERCENTAGES of the pixels."""

    max_scl: tuple[int, int, int]
    average: int
    percentiles: tuple[int, ...]

    @classmethod
    def of(cls, levels: LightLevels) -> Self:
        """Raises ValueError of levels without a frame."""
        red, green, blue = (_units(float(nits)) for nits in levels.max_scl_nits)
        return cls(
            max_scl=(red, green, blue),
            average=_units(levels.mean_nits),
            percentiles=tuple(_units(levels.percentile_nits(percent)) for percent in PERCENTAGES),
        )

    def message(self) -> bytes:
        """The registered user data of Rec. ITU-T T.35: one window, no display targeted, no tone mapping."""
        fields = [(1, 8), (1, 2), (0, 27), (0, 1)]  # version, windows, targeted display, its actual peak
        fields += [(value, 17) for value in (*self.max_scl, self.average)]
        fields.append((len(PERCENTAGES), 4))
        for percentage, value in zip(PERCENTAGES, self.percentiles, strict=True):
            fields += [(percentage, 7), (value, 17)]
        fields += [(0, 10), (0, 1), (0, 1), (0, 1)]  # bright pixels, mastering peak, tone mapping, saturation
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
    place = access_unit.find(b"\x00\x00\x01")
    while place >= 0:
        if (access_unit[place + 3] >> 1) & 0x3F < _FIRST_PARAMETER_SET:
            place -= place > 0 and access_unit[place - 1] == 0  # the start code may have four bytes
            nal = b"\x00\x00\x00\x01" + prefix_sei_nal(_REGISTERED_T35, message)
            return access_unit[:place] + nal + access_unit[place:]
        place = access_unit.find(b"\x00\x00\x01", place + 3)
    raise ValueError("The access unit holds no slice.")


def write_json(path: Path, scenes: Sequence[Scene], *, overwrite: bool = False) -> None:
    """The JSON that HDR10+ tools exchange; an entry a frame. Raises UserError where it cannot be written."""
    with AtomicFile(path, overwrite=overwrite) as made, made.partial.open("w", encoding="utf-8") as file:
        file.writelines(_text(scenes))


def _text(scenes: Sequence[Scene]) -> Iterator[str]:
    head = {"JSONInfo": {"HDR10plusProfile": "A", "Version": "1.0"}}
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


def _entry(light: DynamicLight, number: int, scene: int, index: int) -> dict:
    return {
        "LuminanceParameters": {
            "AverageRGB": light.average,
            "LuminanceDistributions": {
                "DistributionIndex": list(PERCENTAGES),
                "DistributionValues": list(light.percentiles),
            },
            "MaxScl": list(light.max_scl),
        },
        "NumberOfWindows": 1,
        "TargetedSystemDisplayMaximumLuminance": 0,
        "SceneFrameIndex": index,
        "SceneId": scene,
        "SequenceFrameIndex": number,
    }


def _units(nits: float) -> int:
    return min(_LARGEST, max(0, round(nits * _UNITS_A_NIT)))
