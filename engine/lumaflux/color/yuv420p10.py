"""The codes that a 10-bit HDR encoder takes: narrow-range BT.2020 Y'CbCr, 4:2:0 co-sited top-left (BT.2100-2 Table 9).

``native/cpu/yuv420p10.cpp`` is the accelerator; it gives the same bits.
"""

import numpy as np

from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.ycbcr import rgb_to_ycbcr, subsample_420, to_codes
from lumaflux.threads import THREADS

try:
    import lumaflux_native
except ImportError:  # installed without a compiler
    lumaflux_native = None

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


def yuv420p10(hdr_pq: np.ndarray) -> Planes:
    """PQ/BT.2020 R'G'B' float32 [3,H,W] in [0,1] -> uint16 codes Y' [H,W], Cb and Cr [ceil(H/2),ceil(W/2)]."""
    if lumaflux_native is not None:
        return lumaflux_native.yuv420p10(hdr_pq, THREADS)
    return yuv420p10_reference(hdr_pq)


def yuv420p10_reference(hdr_pq: np.ndarray) -> Planes:
    """The same in NumPy."""
    ycc = rgb_to_ycbcr(np.ascontiguousarray(hdr_pq, dtype=np.float32), BT2020_LUMA)
    chroma = subsample_420(ycc[1:], "topleft")
    luma = to_codes(np.stack([ycc[0], ycc[0], ycc[0]]), 10, False)[0].astype(np.uint16)
    small = to_codes(np.stack([chroma[0], chroma[0], chroma[1]]), 10, False).astype(np.uint16)
    return luma, small[1], small[2]
