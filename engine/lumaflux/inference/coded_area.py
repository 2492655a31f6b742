"""The active area of a frame of 4:2:0 codes: its part of the planes, and ten-bit codes of it between black bars."""

import numpy as np

from lumaflux.color.yuv420_rgb import Yuv420
from lumaflux.color.yuv420p10 import Planes
from lumaflux.inference.active_area import BAR_NOISE, WHOLE, Area

_BLACK = (64, 512, 512)  # BT.2100-2 Table 9
_TINT = 12  # codes of chroma: 3 to 6 ring beside a picture at CRF 14; blue letters that luma misses have 45


def active_codes(codes: Yuv420, area: Area) -> Yuv420 | None:
    """The area's part of the codes, in their memory. None where something may be written in the bars around it, and
    where they do not end between two samples of chroma."""
    inside = codes_in(codes, area)
    if inside is None or inside is codes:
        return inside
    return None if any(_is_written(codes, bar) for bar in area.bars(*codes.y.shape)) else inside


def codes_in(codes: Yuv420, area: Area) -> Yuv420 | None:
    """The same, whatever is written in the bars."""
    if area == WHOLE:
        return codes
    height, width = codes.y.shape
    box = area.box(height, width)
    if any(
        part.start % 2 or (part.stop % 2 and part.stop != side) for part, side in zip(box, (height, width), strict=True)
    ):
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
    """Whether a bar may show anything: luma above its level, or colour that a codec does not leave beside a picture."""
    luma = codes.y[bar]
    rows, columns = (_halved(part) for part in bar)
    scale, grey = codes.scales[0], np.float32(codes.scales[3])
    above = (float(luma.max()) - float(np.median(luma[::4, ::4]))) / scale
    tint = max(float(np.abs(plane[rows, columns] - grey).max()) for plane in (codes.cb, codes.cr))
    return above > BAR_NOISE or tint > _TINT
