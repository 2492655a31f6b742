"""Pictures as the codes of 8-bit 4:2:0 that a decoder gives: BT.709 in narrow range, chroma sited left."""

import numpy as np

from lumaflux.color.primaries import BT709_LUMA
from lumaflux.color.ycbcr import code_scales, rgb_to_ycbcr, subsample_420, to_codes
from lumaflux.color.yuv420_rgb import Yuv420, rgb_from_yuv420


def coded(rgb: np.ndarray) -> Yuv420:
    """R'G'B' [3,H,W] in [0,1], of even height and width."""
    ycc = rgb_to_ycbcr(rgb.astype(np.float32), BT709_LUMA)
    chroma = subsample_420(ycc[1:], "left")
    y = to_codes(np.stack([ycc[0]] * 3), 8, False)[0]
    cb, cr = to_codes(np.stack([chroma[0], *chroma]), 8, False)[1:]
    y, cb, cr = (np.ascontiguousarray(plane, np.uint8) for plane in (y, cb, cr))
    return Yuv420(y, cb, cr, code_scales(8, False), BT709_LUMA, True)


def decoded(codes: Yuv420) -> np.ndarray:
    """The picture of such codes: R'G'B' float32 [3,H,W]."""
    return rgb_from_yuv420(*codes[:3], bits=8, full_range=False, luma=BT709_LUMA, siting="left")
