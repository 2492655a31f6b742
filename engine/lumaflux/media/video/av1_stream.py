"""AV1 Main 10 by SVT-AV1: HDR10 with its static metadata in OBUs and in the container."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.media.metadata.mastering import ContentLight, MasteringDisplay
from lumaflux.media.video.encoding import Encoding
from lumaflux.media.video.light_patch import PLACEHOLDER, patch_key_frames
from lumaflux.media.video.ycbcr_planes import signal_of

if TYPE_CHECKING:
    import av
    import av.container

_HDR_CLL = b"\x01"  # metadata_type, AV1 specification 6.7.1


@dataclass(frozen=True, kw_only=True)
class Av1Encoding(Encoding):
    """What SVT-AV1 is asked for; ``preset`` (0 to 13) and ``crf`` (1 to 63) are its own."""

    preset: str = "8"
    crf: float = 24.0
    lossless: bool = False

    codec: ClassVar[str] = "libsvtav1"
    label: ClassVar[str] = "AV1"
    pixel_format: ClassVar[str] = "yuv420p10le"
    entry: ClassVar[bytes] = b"av01"
    containers: ClassVar[dict[str, str]] = {".mp4": "mp4", ".mkv": "matroska"}
    grain: ClassVar[tuple[int, int]] = (2, 2)
    smallest: ClassVar[int] = 64  # SVT-AV1 encodes nothing smaller
    rates: ClassVar[tuple[float, float] | None] = (1, 63)
    presets: ClassVar[tuple[str, ...]] = tuple(str(speed) for speed in range(14))
    takes_codes: ClassVar[bool] = True

    def options(self) -> dict[str, str]:
        params = {"chroma-sample-position": 2, "lossless": int(self.lossless)}  # co-located, AV1 6.4.2
        text = ":".join(f"{key}={value}" for key, value in params.items())
        if self.display is not None:
            levels = f"{PLACEHOLDER.max_cll},{PLACEHOLDER.max_fall}"
            text += f":mastering-display={_display_text(self.display)}:content-light={levels}"
        return {"preset": self.preset, "crf": str(round(self.crf)), "svtav1-params": text}

    def open(self) -> tuple["av.VideoCodecContext", "av.container.InputContainer"]:
        os.environ.setdefault("SVT_LOG", "1")  # errors alone: it knows no other way to be quiet
        return super().open()

    def planes(self, hdr_pq: np.ndarray, alpha: np.ndarray | None) -> Sequence[np.ndarray]:
        return yuv420p10(hdr_pq)

    def shown_pq(self, planes: Sequence[np.ndarray]) -> np.ndarray:
        return signal_of(planes)

    def patch(self, path: Path, container: str, light: ContentLight) -> None:
        super().patch(path, container, light)
        patch_key_frames(path, container, _HDR_CLL + _levels(PLACEHOLDER), _HDR_CLL + _levels(light))


def _levels(light: ContentLight) -> bytes:
    return light.max_cll.to_bytes(2, "big") + light.max_fall.to_bytes(2, "big")


def _display_text(display: MasteringDisplay) -> str:
    p = display.primaries
    points = "".join(f"{name}({x:.5f},{y:.5f})" for name, (x, y) in zip("GBR", (p.green, p.blue, p.red), strict=True))
    white = f"WP({p.white[0]:.5f},{p.white[1]:.5f})"
    return f"{points}{white}L({display.max_nits:.4f},{display.min_nits:.4f})"
