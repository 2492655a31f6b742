"""Scopes drawn for a page: brightness says how many pixels, lines say how many cd/m2 and which gamut."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lumaflux.color import pq
from lumaflux.color.primaries import D65, luminance
from lumaflux.viewing import scopes
from lumaflux.viewing.views import Light, Pixels

NITS = (0.1, 1, 10, 26, 100, 203, 400, 1000, 4000, 10000)  # the lines of a waveform
_MARGIN, _CAPTION = 46, 20
_BACK, _LINE, _INK = (14, 14, 16), (52, 52, 58), (190, 190, 196)
_GAMUT_INK = {"BT.709": (230, 120, 100), "P3-D65": (120, 200, 120), "BT.2020": (130, 150, 255)}
_CHANNEL_INK = np.array([(255, 70, 60), (70, 230, 80), (80, 110, 255)], np.float64)


def draw_waveform(nits: Light) -> Pixels:
    """R, G and B over one another; the axis is PQ, with cd/m2 beside it."""
    counts = scopes.waveform(nits)
    traces = np.einsum("crw,ck->rwk", _brightness(counts), _CHANNEL_INK)
    rows, columns = counts.shape[1:]
    canvas = _canvas(columns + _MARGIN + 6, rows + _CAPTION + 12)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(11)
    _lit(canvas, traces, (_MARGIN, _CAPTION))
    draw.text((4, 3), "Waveform, R G B, cd/m2 (PQ)", fill=_INK, font=font)
    for level in NITS:
        y = _CAPTION + round((1 - _pq(level)) * (rows - 1))
        draw.line((_MARGIN - 4, y, _MARGIN + columns, y), fill=(110, 96, 40) if level == 203 else _LINE)
        draw.text((4, y - 6), f"{level:g}", fill=_INK, font=font)
    _lit(canvas, traces, (_MARGIN, _CAPTION))
    return np.asarray(canvas)


def draw_chromaticity(nits: Light) -> Pixels:
    """CIE 1976 u' and v' with the triangles of BT.709, P3-D65 and BT.2020."""
    counts = scopes.chromaticity(nits)
    rows, columns = counts.shape
    canvas = _canvas(columns, rows + _CAPTION)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(11)

    def place(xy: tuple[float, float]) -> tuple[float, float]:
        u, v = scopes.u_v_prime(xy)
        across = (u - scopes.U_RANGE[0]) / (scopes.U_RANGE[1] - scopes.U_RANGE[0])
        up = (v - scopes.V_RANGE[0]) / (scopes.V_RANGE[1] - scopes.V_RANGE[0])
        return across * columns, _CAPTION + (1 - up) * rows

    for index, (name, gamut) in enumerate(scopes.GAMUTS.items()):
        corners = [place(point) for point in (gamut.red, gamut.green, gamut.blue)]
        draw.polygon(corners, outline=_GAMUT_INK[name])
        draw.text((columns - 70, rows - 40 + 16 * index), name, fill=_GAMUT_INK[name], font=font)
    x, y = place(D65)
    draw.line((x - 5, y, x + 5, y), fill=_INK)
    draw.line((x, y - 5, x, y + 5), fill=_INK)
    _lit(canvas, _brightness(counts[None])[0][..., None] * np.array((255.0, 240.0, 205.0)), (0, _CAPTION))
    draw.text((4, 3), "Chromaticity, CIE 1976 u'v', above 0.5 cd/m2", fill=_INK, font=font)
    return np.asarray(canvas)


def draw_histogram(nits: Light, height: int = 150) -> Pixels:
    """Luminance: pixels, by their logarithm, over PQ."""
    counts = scopes.histogram(nits)
    scale = 2
    canvas = _canvas(scale * len(counts) + 12, height + 2 * _CAPTION)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(11)
    draw.text((4, 3), "Luminance, cd/m2 (PQ); pixels by their logarithm", fill=_INK, font=font)
    base = _CAPTION + height
    tall = np.log1p(counts) / max(np.log1p(counts).max(), 1e-9) * (height - 4)
    for index, bar in enumerate(tall):
        if bar > 0:
            left = 6 + scale * index
            draw.rectangle((left, base - bar, left + scale - 1, base), fill=(214, 200, 160))
    for level in (0.1, 1, 10, 100, 203, 1000, 10000):
        x = 6 + scale * _pq(level) * (len(counts) - 1)
        draw.line((x, _CAPTION, x, base), fill=(110, 96, 40) if level == 203 else _LINE)
        draw.text((min(x - 8, canvas.width - 36), base + 3), f"{level:g}", fill=_INK, font=font)
    return np.asarray(canvas)


def draw_tone_curve(before: Light, after: Light, height: int = 320) -> Pixels:
    """What became of the source's light: pixels by their luminance before (to the right) and after (up), both in PQ,
    with the median. The pictures have one size."""
    size = height
    signals = [pq.inverse_eotf(luminance(nits)[0]).clip(0, 1) for nits in (before, after)]
    place = [np.rint(signal * (size - 1)).astype(np.int64).ravel() for signal in signals]
    counts = np.bincount((size - 1 - place[1]) * size + place[0], minlength=size * size).reshape(1, size, size)
    canvas = _canvas(size + _MARGIN + 6, size + 2 * _CAPTION)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(11)
    draw.text((4, 3), "Luminance after over before, cd/m2 (PQ)", fill=_INK, font=font)
    for level in (0.1, 1, 10, 100, 203, 1000, 10000):
        at = _pq(level) * (size - 1)
        ink = (110, 96, 40) if level == 203 else _LINE
        draw.line((_MARGIN, _CAPTION + size - 1 - at, _MARGIN + size, _CAPTION + size - 1 - at), fill=ink)
        draw.line((_MARGIN + at, _CAPTION, _MARGIN + at, _CAPTION + size), fill=ink)
        draw.text((4, _CAPTION + size - 7 - at), f"{level:g}", fill=_INK, font=font)
        draw.text((min(_MARGIN + at - 6, canvas.width - 34), _CAPTION + size + 3), f"{level:g}", fill=_INK, font=font)
    _lit(canvas, _brightness(counts)[0][..., None] * np.array((170.0, 170.0, 190.0)), (_MARGIN, _CAPTION))
    draw.line(_medians(counts[0]), fill=(255, 200, 90), width=2)
    return np.asarray(canvas)


def _medians(counts: NDArray[np.int64]) -> list[tuple[float, float]]:
    """Of every column with pixels, where half of them lie below."""
    sums = counts.cumsum(axis=0)
    columns = np.flatnonzero(sums[-1])
    rows = [int(np.searchsorted(sums[:, column], sums[-1, column] / 2)) for column in columns]
    return [(_MARGIN + float(column), _CAPTION + float(row)) for column, row in zip(columns, rows, strict=True)]


def _brightness(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """[n,rows,columns] -> [0,1]: by the logarithm of the pixels, so that a few are seen beside many."""
    top = max(float(np.percentile(counts[counts > 0], 99.5)), 1.0) if (counts > 0).any() else 1.0
    return np.minimum(np.log1p(counts) / np.log1p(top), 1.0)


def _lit(canvas: Image.Image, light: NDArray[np.float64], at: tuple[int, int]) -> None:
    """Adds light to a part of the canvas."""
    height, width = light.shape[:2]
    part = np.asarray(canvas.crop((at[0], at[1], at[0] + width, at[1] + height)), np.float64)
    canvas.paste(Image.fromarray(np.maximum(part, light).clip(0, 255).astype(np.uint8)), at)


def _canvas(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), _BACK)


def _pq(nits: float) -> float:
    return float(pq.inverse_eotf(np.array([float(nits)]))[0])
