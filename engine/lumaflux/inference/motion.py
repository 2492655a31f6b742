"""Dense motion between two frames, and where it may be believed.

The flow is DIS (Kroeger, Timofte, Dai and Van Gool, ECCV 2016) as OpenCV has it: docs/decisions/0013-motion.md.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color.primaries import BT709_LUMA, luminance
from lumaflux.errors import MissingExtraError

EXTRA = "motion"
_LEAST_SIDE = 32  # pixels: of lower pictures OpenCV 5.0 reads past the end
_PIXEL_RADIUS = 0.5
_OCCLUSION_SLOPE, _OCCLUSION_OFFSET = 0.01, 0.5  # Sundaram, Brox and Keutzer, ECCV 2010
_LIGHT_DEVIATION = 0.02  # SDR code: a pixel that differs so much from where it came from counts 0.6, twice that 0.14


@dataclass(frozen=True, kw_only=True)
class Motion:
    """``displacement`` [2,h,w] (x, y) in pixels leads from a frame into another one; ``confidence`` [h,w] from 0 (the
    other frame does not show this pixel) to 1."""

    displacement: Tensor
    confidence: Tensor


def motion(here: Tensor, there: Tensor) -> tuple[Motion, Motion]:
    """From one SDR frame [1,3,h,w] in [0,1] into another of its size, and back.

    A pixel is believed as far as the flow back from where it leads returns to it, and as far as it finds its own colour
    there. Raises MissingExtraError without OpenCV.
    """
    luma, other = (luminance(frame, BT709_LUMA)[0, 0] for frame in (here, there))
    forth, back = optical_flow(luma, other), optical_flow(other, luma)
    return _believed(here, there, forth, back), _believed(there, here, back, forth)


def _believed(here: Tensor, there: Tensor, forth: Tensor, back: Tensor) -> Motion:
    seen, inside = warp(torch.cat((there, back[None]), dim=1), forth, _PIXEL_RADIUS)
    lengths = forth.square().sum(dim=0) + seen[0, 3:].square().sum(dim=0)
    gap = (forth + seen[0, 3:]).square().sum(dim=0)
    returns = (1 - gap / (_OCCLUSION_SLOPE * lengths + _OCCLUSION_OFFSET)).clamp(min=0)
    difference = (seen[0, :3] - here[0]).abs().amax(dim=0)
    alike = torch.exp(-0.5 * (difference / _LIGHT_DEVIATION) ** 2)
    return Motion(displacement=forth, confidence=inside * returns * alike)


def optical_flow(luma: Tensor, other: Tensor, preset: Literal["FAST", "MEDIUM"] = "MEDIUM") -> Tensor:
    """Where each pixel of ``luma`` [h,w] in [0,1] lies in ``other``: displacement (x, y) in pixels, [2,h,w] float32.

    ``preset`` as OpenCV names it: the fast one looks at a quarter of the size, the other at half. The same for any
    number of threads. Raises MissingExtraError without OpenCV.
    """
    if (cv2 := _cv2()) is None:
        raise MissingExtraError("OpenCV, which finds motion,", EXTRA)
    method = cv2.DISOpticalFlow_create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset}"))
    height, width = luma.shape
    found = method.calc(_bytes(luma), _bytes(other), None)[:height, :width]
    return torch.from_numpy(np.ascontiguousarray(found.transpose(2, 0, 1))).to(luma.device)


def available() -> bool:
    """Whether OpenCV is there."""
    return _cv2() is not None


def warp(pictures: Tensor, displacement: Tensor, slack: float = 0.0) -> tuple[Tensor, Tensor]:
    """``pictures`` [1,C,h,w] read, bilinearly, at each pixel plus ``displacement`` [2,h,w] (x, y) in pixels.

    Second, where that lies inside the picture, or at most ``slack`` pixels off its outermost centres: [h,w] booleans.
    """
    height, width = pictures.shape[-2:]
    kind = {"dtype": displacement.dtype, "device": displacement.device}
    x = torch.arange(width, **kind) + displacement[0]
    y = torch.arange(height, **kind)[:, None] + displacement[1]
    inside = (x >= -slack) & (x <= width - 1 + slack) & (y >= -slack) & (y <= height - 1 + slack)
    # the centres of the outermost pixels are -1 and 1
    grid = torch.stack((2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1), dim=-1)
    return F.grid_sample(pictures, grid[None], mode="bilinear", padding_mode="border", align_corners=True), inside


def _bytes(luma: Tensor) -> np.ndarray:
    codes = torch.round(255 * luma.float().clamp(0, 1)).byte().cpu().numpy()
    lacking = [(0, max(0, _LEAST_SIDE - side)) for side in codes.shape]
    return np.pad(codes, lacking, mode="edge")


@cache
def _cv2() -> Any:
    try:
        import cv2
    except ImportError:
        return None
    return cv2
