"""A frame's light as pictures for an SDR screen: tone-mapped, and in false color with its legend."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lumaflux.color import bt2390
from lumaflux.color.false_colour import SCALE, Scale, false_colour
from lumaflux.color.primaries import luminance
from lumaflux.color.sdr_to_pq import REFERENCE_WHITE_NITS
from lumaflux.media.metadata.media_info import MediaInfo

Light = NDArray[np.float32]  # BT.2020 [3,H,W] in cd/m2
Pixels = NDArray[np.uint8]  # [H,W,3], as an SDR screen shows them
LEGEND = 22  # pixels


def peak_of(nits: Light, info: MediaInfo | None = None) -> float:
    """The light in cd/m2 that a tone mapping must bring in: of the mastering display where one is stated, else of the
    frame; 203 at least, where the mapping changes nothing."""
    stated = info.mastering_display.max_nits if info is not None and info.mastering_display else 0.0
    return float(np.clip(stated or nits.max(), REFERENCE_WHITE_NITS, 10000.0))


def viewable(nits: Light, peak_nits: float) -> Pixels:
    """By the EETF of BT.2390 from ``peak_nits`` to 203 cd/m2, gamut clipped to BT.709, encoded for BT.1886.

    203 cd/m2 is the light that SDR white stands for in HDR: light below about 90 cd/m2 stays as it is.
    """
    sdr = bt2390.sdr_from_hdr(np.asarray(nits, np.float32), max(peak_nits, 1.0), REFERENCE_WHITE_NITS)
    return as_pixels(sdr)


def as_pixels(sdr: NDArray[np.float32]) -> Pixels:
    """[3,H,W] in [0,1] -> uint8 [H,W,3]."""
    return (255 * np.nan_to_num(sdr).clip(0, 1) + 0.5).astype(np.uint8).transpose(1, 2, 0)


def in_false_color(nits: Light) -> Pixels:
    """Luminance as colors, by the scale of :mod:`lumaflux.color.false_colour`."""
    return false_colour(luminance(nits)[0])


def with_legend(pixels: Pixels, scale: Scale = SCALE, unit: str = "cd/m2") -> Pixels:
    """The picture with the colors of its scale below it."""
    width = pixels.shape[1]
    legend = Image.new("RGB", (width, LEGEND), "black")
    draw = ImageDraw.Draw(legend)
    step, font = width / (len(scale) + 1), ImageFont.load_default(11)
    for index, (level, color) in enumerate(scale):
        left = index * step
        draw.rectangle((left, 0, left + step, LEGEND), fill=color)
        draw.text((left + 3, 4), f"{level:g}", fill="black" if sum(color) > 380 else "white", font=font)
    draw.text((len(scale) * step + 3, 4), unit, fill="white", font=font)
    return np.concatenate([pixels, np.asarray(legend)])


def reduced(nits: Light, width: int) -> Light:
    """Light [n,H,W] -> at most ``width`` pixels wide, the mean over what falls on a pixel."""
    old_height, old_width = nits.shape[1:]
    if old_width <= width:
        return nits
    size = (width, max(round(old_height * width / old_width), 1))
    planes = [
        Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(size, Image.Resampling.BOX) for plane in nits
    ]
    return np.stack([np.asarray(plane) for plane in planes])
