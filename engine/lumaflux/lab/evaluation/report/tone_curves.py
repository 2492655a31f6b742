"""What a method does to tone: SDR luma code against the luminance it becomes, with the reference's beside it."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from lumaflux.color import pq
from lumaflux.color.primaries import BT709_LUMA, luminance
from lumaflux.lab.evaluation.report import svg
from lumaflux.lab.evaluation.report.score_arrays import Floats
from lumaflux.lab.evaluation.report.svg import draw_light_axis, signal

_STEP = 4  # luma codes a bin
_FEWEST = 12  # pixels in a bin: fewer say nothing about a tenth
_MOST = 400_000  # pixels looked at in one frame
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 300, 230, 40, 12, 8, 34
_HIGHEST_NITS = 4000.0


@dataclass(frozen=True, kw_only=True)
class ToneCurve:
    """Per bin with enough pixels: SDR luma code [n] (0 to 255) and PQ luminance [n] at 10, 50 and 90 %."""

    codes: Floats
    p10: Floats
    median: Floats
    p90: Floats


def tone_curve(sdr: np.ndarray, hdr_pq: np.ndarray) -> ToneCurve:
    """SDR in [0,1] and PQ/BT.2020, both [3,H,W]; codes are full-range 8-bit luma (BT.709), light is BT.2020
    luminance. Raises ValueError for sizes that differ."""
    if sdr.shape != hdr_pq.shape:
        raise ValueError(f"SDR {sdr.shape} and HDR {hdr_pq.shape} differ in size")
    stride = -(-sdr[0].size // _MOST)
    codes = np.round(255 * luminance(sdr, BT709_LUMA)[0].ravel()[::stride]).clip(0, 255)
    light = luminance(pq.eotf(hdr_pq))[0].ravel()[::stride]
    bins = (codes // _STEP).astype(np.int64)
    order = np.lexsort((light, bins))
    sorted_light = light[order].astype(np.float64)
    counts = np.bincount(bins, minlength=256 // _STEP)
    starts = np.cumsum(counts) - counts
    chosen = np.flatnonzero(counts >= _FEWEST)
    levels = [
        signal(sorted_light[starts[chosen] + np.round(share * (counts[chosen] - 1)).astype(np.int64)])
        for share in (0.1, 0.5, 0.9)
    ]
    return ToneCurve(
        codes=np.asarray((chosen + 0.5) * _STEP - 0.5, np.float64), p10=levels[0], median=levels[1], p90=levels[2]
    )


def draw_tone_curve(prediction: ToneCurve, reference: ToneCurve, name: str, colour: int) -> Markup:
    """SVG: the bands from 10 to 90 % and the medians; ``colour`` is the method's place among the methods."""
    root = svg.drawing(_WIDTH, _HEIGHT, f"Tone curve of {name} and of the reference", "curve")
    bottom, right, top_pq = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, float(signal(_HIGHEST_NITS))
    x, y = svg.linear(0, 255, _LEFT, right), svg.linear(0, top_pq, bottom, _TOP)
    draw_light_axis(root, y, 0.0, top_pq, _LEFT, right)
    for code in (0, 64, 128, 192, 255):
        svg.add(root, "line", class_="grid", x1=x(code), x2=x(code), y1=_TOP, y2=bottom)
        svg.add(root, "text", str(code), class_="tick", x=x(code), y=bottom + 14, text_anchor="middle")
    svg.add(root, "text", "SDR luma code", class_="axis", x=(_LEFT + right) / 2, y=bottom + 29, text_anchor="middle")
    for curve, kind in ((reference, "reference"), (prediction, f"s{colour % 10}")):
        group = svg.add(root, "g", class_=kind)
        upper = [(x(code), y(level)) for code, level in zip(curve.codes, curve.p90, strict=True)]
        lower = [(x(code), y(level)) for code, level in zip(curve.codes, curve.p10, strict=True)]
        middle = [(x(code), y(level)) for code, level in zip(curve.codes, curve.median, strict=True)]
        svg.add(group, "polygon", class_="band", points=svg.points(upper + lower[::-1]))
        svg.add(group, "polyline", class_="line", points=svg.points(middle))
    return svg.markup(root)
