"""The active area of a frame of 4:2:0 codes: its part of the planes, and ten-bit codes of it between black bars."""

import numpy as np

from lumaflux.color.yuv420_rgb import Yuv420
from lumaflux.color.yuv420p10 import Planes
from lumaflux.inference.active_area import BAR_NOISE, WHOLE, Area

_BLACK = (64, 512, 512)  # BT.2100-2 Table 9
_LARGEST_TINT = 1.8556  # of B' over Y', for a Cb of 1 (BT.709-6); R' takes less of Cr


def active_codes(codes: Yuv420, area: Area) -> Yuv420 | None:
    """The area's part of the codes, in their memory. None where something may be written in the bars around it, and
    where they do not end between two samples of chroma."""
    if area == WHOLE:
        return codes
    height, width = codes.y.shape
    box = area.box(height, width)
    if any(
        part.start % 2 or (part.stop % 2 and part.stop != side) for part, side in zip(box, (height, width), strict=True)
    ):
        return None
    if any(_is_written(codes, bar) for bar in area.bars(height, width)):
        return None
    rows, columns = (_halved(part) for part in box)
    return codes._replace(y=codes.y[box], cb=codes.cb[rows, columns], cr=codes.cr[rows, columns])


def between_bars(planes: Planes, area: Area, shape: tuple[int, ...]) -> Planes:
    """Ten-bit codes of the area in their frame [H,W], beside black."""
    if area == WHOLE:
        return planes
    height, width = shape
    box = area.box(height, width)
    half = _halved(box[0]), _halved(box[1])
    made = []
    for plane, place, black in zip(planes, (box, half, half), _BLACK, strict=True):
        size = (height, width) if place is box else ((height + 1) // 2, (width + 1) // 2)
        whole = np.full(size, black, plane.dtype)
        whole[place] = plane
        made.append(whole)
    return made[0], made[1], made[2]


def _halved(part: slice) -> slice:
    return slice(part.start // 2, (part.stop + 1) // 2)


def _is_written(codes: Yuv420, bar: tuple[slice, slice]) -> bool:
    """Whether a pixel of a bar may be lighter than bars are (``lumaflux.inference.active_area.without_bars``)."""
    luma = codes.y[bar]
    rows, columns = (_halved(part) for part in bar)
    luma_scale, _, chroma_scale, grey = codes.scales
    tint = max(float(np.abs(plane[rows, columns] - np.float32(grey)).max()) for plane in (codes.cb, codes.cr))
    above = (float(luma.max()) - float(np.median(luma[::4, ::4]))) / luma_scale
    return above + _LARGEST_TINT * tint / chroma_scale > BAR_NOISE
