"""A picture for a page: SDR source, HDR result tone-mapped, HDR result in false colour with its scale."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lumaflux.color import bt2390, pq
from lumaflux.color.false_colour import SCALE, false_colour
from lumaflux.color.primaries import luminance

_CAPTION = 22  # pixels


def comparison(sdr: np.ndarray, hdr_pq: np.ndarray, peak_nits: float = 1000.0) -> Image.Image:
    """SDR and PQ/BT.2020 frames float32 [3,H,W] -> one RGB picture: three panels with captions, a scale below."""
    nits = pq.eotf(hdr_pq)
    panels = [
        ("SDR source", picture_bytes(sdr)),
        ("HDR, tone-mapped for this page (BT.2390 to 203 cd/m2)", for_page(nits, peak_nits)),
        ("HDR luminance, cd/m2", false_colour(luminance(nits)[0])),
    ]
    height, width = sdr.shape[1:]
    sheet = Image.new("RGB", (3 * width, height + 2 * _CAPTION), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (caption, pixels) in enumerate(panels):
        draw.text((index * width + 4, 5), caption, fill="black")
        sheet.paste(Image.fromarray(pixels), (index * width, _CAPTION))
    _scale(draw, 2 * width, _CAPTION + height, width)
    return sheet


def write_comparison(path: Path, sdr: np.ndarray, hdr_pq: np.ndarray) -> None:
    """Writes ``comparison`` as PNG."""
    comparison(sdr, hdr_pq).save(path)


def _scale(draw: ImageDraw.ImageDraw, left: int, top: int, width: int) -> None:
    step = width / len(SCALE)
    for index, (level, colour) in enumerate(SCALE):
        box = (left + index * step, top, left + (index + 1) * step, top + _CAPTION)
        draw.rectangle(box, fill=colour)
        ink = "black" if sum(colour) > 380 else "white"
        draw.text((box[0] + 3, top + 5), f"{level:g}", fill=ink)


def for_page(nits: np.ndarray, peak_nits: float = 1000.0) -> np.ndarray:
    """BT.2020 light [3,H,W] in cd/m2 -> uint8 [H,W,3] for an SDR screen, by BT.2390 to 203 cd/m2."""
    return picture_bytes(bt2390.sdr_from_hdr(nits, master_peak=peak_nits, target_peak=203.0))


def picture_bytes(sdr: np.ndarray) -> np.ndarray:
    """[3,H,W] in [0,1] -> uint8 [H,W,3]."""
    return (255 * sdr.clip(0, 1) + 0.5).astype(np.uint8).transpose(1, 2, 0)
