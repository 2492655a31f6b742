"""Intermediates: ProRes 422 HQ in PQ or HLG and 4444 (prores_ks), and lossless FFV1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lumaflux.color import hlg
from lumaflux.media.video.encoding import HLG, Encoding
from lumaflux.media.video.ycbcr_planes import planes_422, planes_444, signal_of

_ALPHA = 1023  # of 10 bits


@dataclass(frozen=True, kw_only=True)
class ProRes422Encoding(Encoding):
    """ProRes 422 HQ."""

    codec: ClassVar[str] = "prores_ks"
    label: ClassVar[str] = "ProRes 422 HQ"
    pixel_format: ClassVar[str] = "yuv422p10le"
    entry: ClassVar[bytes] = b"apch"
    header: ClassVar[str] = "mov"
    containers: ClassVar[dict[str, str]] = {".mov": "mov", ".mkv": "matroska"}
    grain: ClassVar[tuple[int, int]] = (2, 1)
    smallest: ClassVar[int] = 16
    profile: ClassVar[str] = "hq"
    tagged: ClassVar[bool] = True

    def options(self) -> dict[str, str]:
        return {"profile": self.profile, "vendor": "apl0"}

    def planes(self, hdr_pq: np.ndarray, alpha: np.ndarray | None) -> Sequence[np.ndarray]:
        return planes_422(hdr_pq)

    def shown_pq(self, planes: Sequence[np.ndarray]) -> np.ndarray:
        return signal_of(planes)


@dataclass(frozen=True, kw_only=True)
class ProRes422HlgEncoding(ProRes422Encoding):
    """ProRes 422 HQ in HLG of BT.2100 for a nominal peak of 1000 cd/m2; light above it is clipped."""

    transfer: ClassVar[int] = HLG
    label: ClassVar[str] = "ProRes 422 HQ, HLG"

    def planes(self, hdr_pq: np.ndarray, alpha: np.ndarray | None) -> Sequence[np.ndarray]:
        return planes_422(hlg.from_pq(hdr_pq).astype(np.float32))

    def shown_pq(self, planes: Sequence[np.ndarray]) -> np.ndarray:
        return hlg.to_pq(signal_of(planes))


@dataclass(frozen=True, kw_only=True)
class ProRes4444Encoding(ProRes422Encoding):
    """ProRes 4444 with an alpha channel of 16 bits, opaque where the picture has none."""

    label: ClassVar[str] = "ProRes 4444"
    pixel_format: ClassVar[str] = "yuva444p10le"
    entry: ClassVar[bytes] = b"ap4h"
    grain: ClassVar[tuple[int, int]] = (1, 1)
    profile: ClassVar[str] = "4444"
    keeps_alpha: ClassVar[bool] = True

    def options(self) -> dict[str, str]:
        return {**super().options(), "alpha_bits": "16"}

    def planes(self, hdr_pq: np.ndarray, alpha: np.ndarray | None) -> Sequence[np.ndarray]:
        opaque = np.ones(hdr_pq.shape[1:], dtype=np.float32) if alpha is None else alpha.clip(0, 1)
        return [*planes_444(hdr_pq), np.floor(opaque * _ALPHA + 0.5).astype(np.uint16)]


@dataclass(frozen=True, kw_only=True)
class Ffv1Encoding(Encoding):
    """FFV1 version 3 in 10-bit 4:4:4, with a checksum a slice (RFC 9043)."""

    codec: ClassVar[str] = "ffv1"
    label: ClassVar[str] = "FFV1"
    pixel_format: ClassVar[str] = "yuv444p10le"
    entry: ClassVar[bytes] = b"FFV1"
    containers: ClassVar[dict[str, str]] = {".mkv": "matroska"}

    def options(self) -> dict[str, str]:
        return {"level": "3", "slicecrc": "1", "slices": "4"}

    def planes(self, hdr_pq: np.ndarray, alpha: np.ndarray | None) -> Sequence[np.ndarray]:
        return planes_444(hdr_pq)

    def shown_pq(self, planes: Sequence[np.ndarray]) -> np.ndarray:
        return signal_of(planes)
