"""10-bit narrow-range BT.2020 Y'CbCr planes of 4:2:0, 4:2:2 and 4:4:4 frames, and R'G'B' back (BT.2100-2 Table 9)."""

from collections.abc import Sequence

import numpy as np

from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.ycbcr import from_codes, rgb_to_ycbcr, subsample_420, to_codes, upsample_420, ycbcr_to_rgb
from lumaflux.color.yuv420_rgb import rgb_from_yuv420

BITS = 10


def planes_444(signal: np.ndarray) -> list[np.ndarray]:
    """R'G'B' [3,H,W] in [0,1] -> uint16 codes Y', Cb, Cr [H,W]."""
    return list(to_codes(rgb_to_ycbcr(signal, BT2020_LUMA), BITS, False).astype(np.uint16))


def planes_422(signal: np.ndarray) -> list[np.ndarray]:
    """The same with Cb and Cr [H,ceil(W/2)], co-sited with even columns."""
    ycc = rgb_to_ycbcr(signal, BT2020_LUMA)
    luma = to_codes(np.stack([ycc[0]] * 3), BITS, False)[0]
    halved = subsample_420(ycc[1:, :, None, :])[:, :, 0]  # one row at a time: nothing happens down the rows
    chroma = to_codes(np.stack([halved[0], *halved]), BITS, False)[1:]
    return [plane.astype(np.uint16) for plane in (luma, *chroma)]


def signal_of(planes: Sequence[np.ndarray]) -> np.ndarray:
    """R'G'B' float32 [3,H,W] in [0,1] as a display reconstructs it, chroma interpolated."""
    y, cb, cr = planes[:3]
    height, width = y.shape
    if cb.shape == ((height + 1) // 2, (width + 1) // 2):
        return rgb_from_yuv420(y, cb, cr, bits=BITS, full_range=False, luma=BT2020_LUMA, siting="topleft")
    full = [y, cb, cr] if cb.shape == y.shape else [y, *(_widened(plane, width) for plane in (cb, cr))]
    rgb = ycbcr_to_rgb(from_codes(np.stack(full).astype(np.float32), BITS, False), BT2020_LUMA)
    return np.clip(rgb, 0, 1, dtype=np.float32)


def _widened(plane: np.ndarray, width: int) -> np.ndarray:
    return upsample_420(plane.astype(np.float32)[:, None, :], "topleft", (1, width))[:, 0]
