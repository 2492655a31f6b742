"""An SDR proxy of the HDR pictures: H.264 in BT.709, for screens and editors that show no HDR."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lumaflux.color import bt2390, pq, ycbcr
from lumaflux.color.chroma_siting import subsample_420
from lumaflux.color.primaries import BT709_LUMA
from lumaflux.color.sdr_to_pq import REFERENCE_WHITE_NITS, sdr_to_pq
from lumaflux.media.video.encoding import Encoding

_BT709 = 1  # H.273 Tables 2, 3 and 4


@dataclass(frozen=True, kw_only=True)
class SdrEncoding(Encoding):
    """H.264 High 8 bit 4:2:0 by x264. Light from ``peak_nits`` down comes below white by the EETF of BT.2390, where
    203 cd/m2 stand for SDR white; light below about 90 cd/m2 stays as it is."""

    preset: str = "medium"
    crf: float = 18.0
    peak_nits: float = 1000.0

    codec: ClassVar[str] = "libx264"
    label: ClassVar[str] = "SDR H.264"
    pixel_format: ClassVar[str] = "yuv420p"
    entry: ClassVar[bytes] = b"avc1"
    containers: ClassVar[dict[str, str]] = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
    primaries: ClassVar[int] = _BT709
    transfer: ClassVar[int] = _BT709
    matrix: ClassVar[int] = _BT709
    grain: ClassVar[tuple[int, int]] = (2, 2)
    rates: ClassVar[tuple[float, float] | None] = (0, 51)
    presets: ClassVar[tuple[str, ...]] = (
        *("ultrafast", "superfast", "veryfast", "faster", "fast"),
        *("medium", "slow", "slower", "veryslow", "placebo"),
    )

    def options(self) -> dict[str, str]:
        return {"preset": self.preset, "crf": str(self.crf), "x264-params": "log-level=none"}

    def planes(self, hdr_pq: np.ndarray, alpha: np.ndarray | None) -> Sequence[np.ndarray]:
        sdr = bt2390.sdr_from_hdr(pq.eotf(hdr_pq), self.peak_nits, REFERENCE_WHITE_NITS)
        ycc = ycbcr.rgb_to_ycbcr(np.asarray(sdr, np.float32), BT709_LUMA)
        chroma = subsample_420(ycc[1:], "left")
        luma = ycbcr.to_codes(np.stack([ycc[0]] * 3), 8, False)[0]
        small = ycbcr.to_codes(np.stack([chroma[0], *chroma]), 8, False)
        return [plane.astype(np.uint8) for plane in (luma, small[1], small[2])]

    def shown_pq(self, planes: Sequence[np.ndarray]) -> np.ndarray:
        """With SDR white at 203 cd/m2."""
        luma, *chroma = (plane.astype(np.float32) for plane in planes)
        whole = [ycbcr.upsample_420(plane, "left", luma.shape) for plane in chroma]
        signal = ycbcr.ycbcr_to_rgb(ycbcr.from_codes(np.stack([luma, *whole]), 8, False), BT709_LUMA)
        return np.asarray(sdr_to_pq(signal.clip(0, 1)), np.float32)
