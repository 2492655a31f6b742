"""Decoded video frames to non-linear R'G'B' in float: codes, range, matrix and chroma siting by lumaflux.color.

swscale only repacks layouts here; it does no colour (docs/decisions/0003-media.md has the measurement).
"""

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from lumaflux.color import ycbcr
from lumaflux.color.yuv420_rgb import rgb_from_yuv420
from lumaflux.errors import UserError
from lumaflux.media.metadata.coding_points import LUMA
from lumaflux.media.video.coded_frame import SourceCodes

if TYPE_CHECKING:
    import av

_PLANAR = re.compile(r"(?P<kind>yuvj?(?P<sub>420|422|444)p|gray|gbrp)(?P<bits>9|10|12|14|16)?(le)?")
_SUBSAMPLING = {(8, 8): "420", (8, 16): "422", (16, 16): "444"}
_DEPTHS = (8, 9, 10, 12, 14, 16)


def planar_format(pixel_format: "av.VideoFormat") -> str:
    """The planar little-endian format without alpha that holds the same codes (4:4:4 for rare subsamplings)."""
    name = pixel_format.name
    if _PLANAR.fullmatch(name):
        return name
    bits = max(component.bits for component in pixel_format.components)
    if pixel_format.is_rgb or pixel_format.has_palette:
        return "gbrp" if bits <= 8 else "gbrp16le"
    bits = next((depth for depth in _DEPTHS if depth >= bits), 16)
    depth = "" if bits == 8 else f"{bits}le"
    if len([c for c in pixel_format.components if not c.is_alpha]) == 1:
        return f"gray{depth}"
    subsampling = _SUBSAMPLING.get((pixel_format.chroma_width(16), pixel_format.chroma_height(16)), "444")
    return f"yuv{subsampling}p{depth}"


def _codes(frame: "av.VideoFrame", index: int, dtype: type) -> np.ndarray:
    plane: Any = frame.planes[index]
    rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // np.dtype(dtype).itemsize)
    return rows[: plane.height, : plane.width]


def _siting(matrix: str) -> str:
    """PyAV tells none: BT.2020 puts chroma top-left, other video left (H.265 E.3.1)."""
    return "topleft" if matrix == "bt2020nc" else "left"


def has_alpha_plane(frame: "av.VideoFrame") -> bool:
    """Whether alpha comes in a plane of its own, of whole codes."""
    name = frame.format.name
    return name.startswith(("yuva", "gbrap")) and not name.endswith(("be", "f32le", "f16le")) and len(frame.planes) == 4


class FramePlanes:
    """Turns frames of one stream into R'G'B'; keeps only swscale's context between frames.

    ``matrix`` and ``full_range`` are the stream's (tagged or guessed); ``where`` names the file in errors.
    Raises UserError for a matrix that has no luma weights (YCgCo, constant luminance, ICtCp).
    """

    def __init__(self, matrix: str, full_range: bool, where: str):
        from av.video.reformatter import VideoReformatter

        if matrix != "rgb" and matrix not in LUMA:
            raise UserError(
                f"{where} is coded with the {matrix} matrix, which is not read; re-encode it as BT.709 Y'CbCr."
            )
        self.matrix, self.full_range = matrix, full_range
        self._reformatter = VideoReformatter()

    def rgb(self, frame: "av.VideoFrame") -> np.ndarray:
        """Non-linear R'G'B' float32 [3,H,W] in [0,1] of ``frame``, in its own primaries, as stored (not turned)."""
        frame = self._planar(frame)
        layout = _PLANAR.fullmatch(frame.format.name)
        assert layout is not None
        bits = int(layout["bits"] or 8)
        dtype = np.uint8 if bits == 8 else np.uint16
        codes = [_codes(frame, i, dtype) for i in range(len(frame.planes))]
        if layout["sub"] == "420":
            siting = _siting(self.matrix)
            coding = {"bits": bits, "full_range": self.full_range, "luma": LUMA[self.matrix], "siting": siting}
            return rgb_from_yuv420(*codes, **coding)
        planes = [plane.astype(np.float32) for plane in codes]
        if layout["kind"].startswith("gbrp"):
            green, blue, red = planes
            return np.clip(self._levels(np.stack([red, green, blue]), bits), 0, 1)
        if layout["kind"] == "gray":
            grey = np.clip(self._levels(planes[0], bits), 0, 1)
            return np.stack([grey, grey, grey])
        luma, *chroma = planes
        if layout["sub"] == "422":  # rows are all there: interpolate columns alone
            height, width = luma.shape
            chroma = [ycbcr.upsample_420(c, "topleft", (2 * height, width))[::2] for c in chroma]
        decoded = ycbcr.from_codes(np.stack([luma, *chroma]), bits, self.full_range)
        return np.clip(ycbcr.ycbcr_to_rgb(decoded, LUMA[self.matrix]), 0, 1, dtype=np.float32)

    def codes(self, frame: "av.VideoFrame") -> SourceCodes | None:
        """The codes of ``frame`` as they are, of 8 bits in 4:2:0; None for other formats. They live in the frame."""
        layout = _PLANAR.fullmatch(frame.format.name)
        if layout is None or layout["sub"] != "420" or layout["bits"] is not None or self.matrix == "rgb":
            return None
        y, cb, cr = (_codes(frame, index, np.uint8) for index in range(3))
        siting = _siting(self.matrix)
        return SourceCodes(y=y, cb=cb, cr=cr, full_range=self.full_range, luma=LUMA[self.matrix], siting=siting)

    def alpha(self, frame: "av.VideoFrame") -> np.ndarray | None:
        """Alpha float32 [H,W] in [0,1] as stored, of formats that hold it in a plane of its own; None for others."""
        if not has_alpha_plane(frame):
            return None
        bits = frame.format.components[3].bits
        codes = _codes(frame, 3, np.uint8 if bits == 8 else np.uint16)
        return codes.astype(np.float32) / np.float32(2**bits - 1)

    def _planar(self, frame: "av.VideoFrame") -> "av.VideoFrame":
        target = planar_format(frame.format)
        if target == frame.format.name:
            return frame
        from av.video.reformatter import Interpolation

        exact = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
        same_range = 2 if self.full_range else 1
        return self._reformatter.reformat(
            frame, format=target, interpolation=exact, src_color_range=same_range, dst_color_range=same_range
        )

    def _levels(self, codes: np.ndarray, bits: int) -> np.ndarray:
        """R', G', B' or grey codes to [0, 1]: scaled as luma is (H.273 8.3)."""
        if self.full_range:
            return codes / np.float32(2**bits - 1)
        unit = 2 ** (bits - 8)
        return (codes - np.float32(16 * unit)) / np.float32(219 * unit)
