"""One frame as six small pictures for a page, as JPEG data URIs of bounded size."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from PIL import Image

from lumaflux.color import ictcp, pq
from lumaflux.color.false_colour import Scale, difference_colour, false_colour
from lumaflux.color.primaries import luminance
from lumaflux.lab.evaluation.comparison import for_page, picture_bytes
from lumaflux.lab.evaluation.report import svg

CAPTIONS = {
    "sdr": "SDR source",
    "prediction": "Prediction",
    "reference": "Reference",
    "difference": "ΔE-ITP",
    "prediction_nits": "Prediction, cd/m²",
    "reference_nits": "Reference, cd/m²",
}
ALL_PICTURES_BYTES = 10_500_000  # of a whole page, as base64
_STEPS = ((560, 88), (480, 86), (400, 84), (320, 80), (240, 74), (160, 60), (96, 50))  # width, JPEG quality


@dataclass(frozen=True, kw_only=True)
class Picture:
    uri: str
    width: int
    height: int


def frame_pictures(
    sdr: np.ndarray, prediction_pq: np.ndarray, reference_pq: np.ndarray, budget: int
) -> dict[str, Picture]:
    """Frames [3,H,W] -> the pictures named in CAPTIONS, together at most ``budget`` bytes of data URI (or as small as
    they get). Light and differences are averaged over the pixels that fall together before they become colours.
    """
    prediction, reference = pq.eotf(prediction_pq), pq.eotf(reference_pq)
    difference = ictcp.delta_e_itp(prediction, reference)[None]
    pictures: dict[str, Picture] = {}
    for width, quality in _STEPS:
        small = [_reduced(plane, width) for plane in (sdr, prediction, reference, difference)]
        shown = _coloured(small[0], small[1], small[2], small[3])
        pictures = {name: _jpeg(pixels, quality) for name, pixels in shown.items()}
        if sum(len(picture.uri) for picture in pictures.values()) <= budget:
            break
    return pictures


def draw_scale(scale: Scale, label: str) -> Markup:
    """SVG: the colours of ``scale`` side by side, each with its level under it."""
    step, height = 44, 12
    root = svg.drawing(step * len(scale), height + 18, label, "scale")
    gradient = svg.add(svg.add(root, "defs"), "linearGradient", id=f"scale-{len(scale)}")
    for index, (_, colour) in enumerate(scale):
        offset = f"{(index + 0.5) / len(scale):.2%}"
        svg.add(gradient, "stop", offset=offset, stop_color="#{:02x}{:02x}{:02x}".format(*colour))
    svg.add(root, "rect", x=0, y=0, width=step * len(scale), height=height, rx=2, fill=f"url(#scale-{len(scale)})")
    for index, (level, _) in enumerate(scale):
        svg.add(root, "text", f"{level:g}", class_="tick", x=(index + 0.5) * step, y=height + 14, text_anchor="middle")
    return svg.markup(root)


def _coloured(
    sdr: np.ndarray, prediction: np.ndarray, reference: np.ndarray, difference: np.ndarray
) -> Mapping[str, np.ndarray]:
    return {
        "sdr": picture_bytes(sdr),
        "prediction": for_page(prediction),
        "reference": for_page(reference),
        "difference": difference_colour(difference[0]),
        "prediction_nits": false_colour(luminance(prediction)[0]),
        "reference_nits": false_colour(luminance(reference)[0]),
    }


def _reduced(planes: np.ndarray, width: int) -> np.ndarray:
    """[n,H,W] -> [n,h,w] with w <= width, the mean over what falls on a pixel."""
    old_height, old_width = planes.shape[1:]
    if old_width <= width:
        return planes
    size = (width, max(round(old_height * width / old_width), 1))
    small = [
        Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32)).resize(size, Image.Resampling.BOX)
        for plane in planes
    ]
    return np.stack([np.asarray(plane, dtype=np.float32) for plane in small])


def _jpeg(pixels: np.ndarray, quality: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)  # optimize=True fails on noise
    uri = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
    return Picture(uri=uri, width=pixels.shape[1], height=pixels.shape[0])
