"""Dense optical flow between two frames: DIS (Kroeger, Timofte, Dai and Van Gool, ECCV 2016) as OpenCV has it."""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

MIN_SIDE = 12  # OpenCV refuses pictures of which neither side has 12 pixels
OPTIONS = {"flow": "DIS, OpenCV's preset FAST", "flow_input": "luma of 8 bits, full size"}


def available() -> bool:
    """Whether OpenCV is there (extra ``evaluation``)."""
    return _cv2() is not None


def optical_flow(luma: Tensor, other: Tensor) -> Tensor:
    """Where each pixel of ``luma`` [H,W] in [0,1] lies in ``other``: displacement (x, y) in pixels, [2,H,W] float32.

    Zero where no side has 12 pixels. Raises RuntimeError without OpenCV; ask ``available`` first.
    """
    cv2 = _cv2()
    if cv2 is None:
        raise RuntimeError("optical flow needs OpenCV: pip install 'lumaflux[evaluation]'")
    if max(luma.shape) < MIN_SIDE:
        return luma.new_zeros(2, *luma.shape)
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    found = method.calc(_bytes(luma), _bytes(other), None)
    return torch.from_numpy(np.ascontiguousarray(found.transpose(2, 0, 1)))


def _bytes(luma: Tensor) -> np.ndarray:
    return torch.round(255 * luma.float().clamp(0, 1)).byte().numpy()


@cache
def _cv2() -> Any:
    try:
        import cv2
    except ImportError:
        return None
    return cv2
