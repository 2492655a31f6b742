"""HEVC Main 10 by an encoder in hardware: HDR10 whose static metadata stand in the container alone.

None of them has been executed by the project: they are opened and asked for as their documentation in FFmpeg says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.errors import UserError
from lumaflux.media.video.encoding import Encoding
from lumaflux.media.video.ycbcr_planes import signal_of

if TYPE_CHECKING:
    import av
    import av.container

_P010_SHIFT = 6  # ten bits lie in the upper end of sixteen


@dataclass(frozen=True, kw_only=True)
class HardwareEncoding(Encoding):
    """``crf``: what the encoder calls its constant quality, on HEVC's own scale of 0 to 51."""

    preset: str = ""
    crf: float = 18.0

    pixel_format: ClassVar[str] = "p010le"
    entry: ClassVar[bytes] = b"hvc1"
    containers: ClassVar[dict[str, str]] = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
    grain: ClassVar[tuple[int, int]] = (2, 2)
    smallest: ClassVar[int] = 160  # below it some devices refuse
    rates: ClassVar[tuple[float, float] | None] = (0, 51)
    takes_codes: ClassVar[bool] = True

    def open(self) -> tuple["av.VideoCodecContext", "av.container.InputContainer"]:
        """Raises UserError where this machine has no such encoder."""
        from av.error import FFmpegError

        try:
            return super().open()
        except (FFmpegError, ValueError) as error:
            raise UserError(
                f"{self.codec} cannot be opened on this machine ({error}): its device, its driver or the options fail; "
                "leave --encoder out, and the processor encodes"
            ) from None

    def planes(self, hdr_pq: np.ndarray, alpha: np.ndarray | None) -> Sequence[np.ndarray]:
        return yuv420p10(hdr_pq)

    def packed(self, planes: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        y, cb, cr = planes
        chroma = np.stack([cb, cr], axis=-1).reshape(cb.shape[0], -1)
        return [plane << _P010_SHIFT for plane in (y, chroma)]

    def shown_pq(self, planes: Sequence[np.ndarray]) -> np.ndarray:
        return signal_of(planes)


@dataclass(frozen=True, kw_only=True)
class NvencEncoding(HardwareEncoding):
    codec: ClassVar[str] = "hevc_nvenc"
    label: ClassVar[str] = "HEVC by NVENC"
    presets: ClassVar[tuple[str, ...]] = tuple(f"p{speed}" for speed in range(1, 8))

    def options(self) -> dict[str, str]:
        return {"preset": self.preset or "p5", "profile": "main10", "rc": "vbr", "cq": f"{self.crf:g}", "b": "0"}


@dataclass(frozen=True, kw_only=True)
class QsvEncoding(HardwareEncoding):
    codec: ClassVar[str] = "hevc_qsv"
    label: ClassVar[str] = "HEVC by Quick Sync"
    presets: ClassVar[tuple[str, ...]] = ("veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")

    def options(self) -> dict[str, str]:
        return {"preset": self.preset or "medium", "profile": "main10", "global_quality": str(round(self.crf))}


@dataclass(frozen=True, kw_only=True)
class AmfEncoding(HardwareEncoding):
    codec: ClassVar[str] = "hevc_amf"
    label: ClassVar[str] = "HEVC by AMF"
    presets: ClassVar[tuple[str, ...]] = ("speed", "balanced", "quality")

    def options(self) -> dict[str, str]:
        level = str(round(self.crf))
        return {"quality": self.preset or "quality", "profile": "main10", "rc": "cqp", "qp_i": level, "qp_p": level}


@dataclass(frozen=True, kw_only=True)
class VideoToolboxEncoding(HardwareEncoding):
    codec: ClassVar[str] = "hevc_videotoolbox"
    label: ClassVar[str] = "HEVC by VideoToolbox"

    def options(self) -> dict[str, str]:
        quality = round(100 * (1 - self.crf / 51))  # its scale ends at 100, the finest
        return {"profile": "main10", "global_quality": str(118 * quality), "flags": "+qscale", "allow_sw": "0"}
