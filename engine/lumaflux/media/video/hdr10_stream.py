"""HEVC Main 10 by x265: HDR10 with its static metadata, and HLG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lumaflux.color import hlg
from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.media.metadata.hdr10plus import DynamicLight, with_message, with_nal
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.metadata.mastering import ContentLight, DisplayCodes
from lumaflux.media.video.encoding import HLG, Encoding
from lumaflux.media.video.hdr10plus_room import fill_rooms, room
from lumaflux.media.video.hevc_light_sei import short_content_light_nal
from lumaflux.media.video.light_patch import PLACEHOLDER, PLACEHOLDER_NAL, patch_light_levels
from lumaflux.media.video.ycbcr_planes import signal_of

if TYPE_CHECKING:
    import av

_X265_NAL = short_content_light_nal(PLACEHOLDER.max_cll, PLACEHOLDER.max_fall)
_CTU = 64  # x265's largest coding unit


@dataclass(frozen=True, kw_only=True)
class Hevc(Encoding):
    """What x265 is asked for; ``preset`` and ``crf`` are x265's."""

    preset: str = "medium"
    crf: float = 18.0
    lossless: bool = False

    codec: ClassVar[str] = "libx265"
    label: ClassVar[str] = "HEVC"
    pixel_format: ClassVar[str] = "yuv420p10le"
    entry: ClassVar[bytes] = b"hvc1"
    containers: ClassVar[dict[str, str]] = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
    grain: ClassVar[tuple[int, int]] = (2, 2)
    smallest: ClassVar[int] = 16  # x265 encodes nothing smaller
    rates: ClassVar[tuple[float, float] | None] = (0, 51)
    presets: ClassVar[tuple[str, ...]] = (
        *("ultrafast", "superfast", "veryfast", "faster", "fast"),
        *("medium", "slow", "slower", "veryslow", "placebo"),
    )
    carries_captions: ClassVar[bool] = True
    reordering: ClassVar[int] = 2  # x265 leaves the dts of shorter clips (which need none) undefined

    def options(self) -> dict[str, str]:
        params: dict[str, object] = {
            "chromaloc": 2,  # co-sited top-left, BT.2100-2 Table 6
            "repeat-headers": 0,  # hvc1 carries them in the sample entry
            "info": 0,
            "log-level": "error",
        }
        if self.display is not None:
            params |= {
                "hdr10": 1,
                "hdr10-opt": 1,
                "master-display": DisplayCodes(self.display).x265(),
                "max-cll": f"{PLACEHOLDER.max_cll},{PLACEHOLDER.max_fall}",
            }
        if self.lossless:
            params["lossless"] = 1
        if self.width < _CTU:  # adaptive quantisation then writes beyond its arrays (x265 4.1, seen at 48x32)
            params |= {"aq-mode": 0, "cutree": 0}
        text = ":".join(f"{key}={value}" for key, value in params.items())
        return {"preset": self.preset, "crf": str(self.crf), "x265-params": text}

    def shown_pq(self, planes: Sequence[np.ndarray]) -> np.ndarray:
        return signal_of(planes)

    def with_captions(self, packet: "av.Packet", message: bytes) -> "av.Packet":
        return _replaced(packet, with_message(bytes(packet), message))


@dataclass(frozen=True, kw_only=True)
class Hdr10Encoding(Hevc):
    """HDR10: the light levels stand in an SEI of fixed size before each key frame, and are patched in afterwards.

    ``dynamic``: every frame carries its measured light as an HDR10+ message too; with a ``targeted`` display other than
    0 (cd/m2) that of its shot, and the shot's curve for that display, which are patched in afterwards.
    """

    dynamic: bool = False
    targeted: int = 0

    takes_codes: ClassVar[bool] = True

    def planes(self, hdr_pq: np.ndarray, alpha: np.ndarray | None) -> Sequence[np.ndarray]:
        return yuv420p10(hdr_pq)

    def packet(self, packet: "av.Packet") -> "av.Packet":
        return _replaced(packet, _with_room(bytes(packet)))

    def with_light(self, packet: "av.Packet", light: LightLevels, number: int) -> "av.Packet":
        if not self.dynamic:
            return packet
        if self.targeted:
            return _replaced(packet, with_nal(bytes(packet), room(number)))
        return _replaced(packet, with_message(bytes(packet), DynamicLight.of(light).message()))

    def extradata(self, encoder: "av.VideoCodecContext") -> bytes | None:
        return _with_room(encoder.extradata)

    def patch(self, path: Path, container: str, light: ContentLight) -> None:
        patch_light_levels(path, container, light)

    @property
    def targeted_nits(self) -> int:
        return self.targeted if self.dynamic else 0

    def patch_shots(self, path: Path, shots: Sequence[tuple[int, int, bytes]]) -> None:
        if self.targeted_nits:
            fill_rooms(path, shots)


@dataclass(frozen=True, kw_only=True)
class HlgEncoding(Hevc):
    """HLG of BT.2100 for a nominal peak of 1000 cd/m2, display light brought back through the OOTF of that display.

    Light above the nominal peak is clipped, for the signal has no more than 1.
    """

    transfer: ClassVar[int] = HLG
    label: ClassVar[str] = "HLG HEVC"

    def planes(self, hdr_pq: np.ndarray, alpha: np.ndarray | None) -> Sequence[np.ndarray]:
        return yuv420p10(hlg.from_pq(hdr_pq).astype(np.float32))

    def shown_pq(self, planes: Sequence[np.ndarray]) -> np.ndarray:
        return hlg.to_pq(signal_of(planes))


def _replaced(packet: "av.Packet", content: bytes) -> "av.Packet":
    import av

    made = av.Packet(content)
    made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
    made.time_base, made.is_keyframe = packet.time_base, packet.is_keyframe
    return made


def _with_room(annex_b: bytes | None) -> bytes:
    if annex_b is None or _X265_NAL not in annex_b:
        raise ValueError("x265 wrote no content light level SEI where one belongs.")
    return annex_b.replace(_X265_NAL, PLACEHOLDER_NAL, 1)
