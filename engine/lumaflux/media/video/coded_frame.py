"""A decoded frame as its codes, whose R'G'B' is made only if somebody asks for it."""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np

from lumaflux.color.ycbcr import code_scales
from lumaflux.color.yuv420_rgb import Yuv420, rgb_from_yuv420

BITS = 8


@dataclass(frozen=True, kw_only=True)
class SourceCodes:
    """BT.709 Y'CbCr of 8 bits, uint8: ``y`` [H,W], ``cb`` and ``cr`` [ceil(H/2),ceil(W/2)], rows may be padded.

    ``luma``: the matrix' weights; ``siting``: "left" or "topleft".
    """

    y: np.ndarray
    cb: np.ndarray
    cr: np.ndarray
    full_range: bool
    luma: tuple[float, float, float]
    siting: str

    def rgb(self) -> np.ndarray:
        """Non-linear R'G'B' float32 [3,H,W] in [0,1]."""
        coding = {"bits": BITS, "full_range": self.full_range, "luma": self.luma, "siting": self.siting}
        return rgb_from_yuv420(self.y, self.cb, self.cr, **coding)

    @property
    def planes(self) -> Yuv420:
        scales = code_scales(BITS, self.full_range)
        return Yuv420(self.y, self.cb, self.cr, scales, self.luma, self.siting == "left")


@dataclass(kw_only=True)
class CodedFrame:
    """As :class:`lumaflux.media.video.reader.SdrFrame`, of ``codes``; without alpha."""

    codes: SourceCodes
    pts: int
    time_base: Fraction
    duration: int | None
    number: int = 0
    alpha: None = field(default=None, init=False)

    @cached_property
    def sdr(self) -> np.ndarray:
        return self.codes.rgb()
