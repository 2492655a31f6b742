"""Graphics drawn over pictures with typefaces, and where their ink or paper lies: subtitles, karaoke, credits, logos,
pages, windows, whole screens of text."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Mask = NDArray[np.bool_]

SUBTITLES = ("subtitle", "yellow", "boxed", "outlined", "shadowed", "karaoke")
SHEETS = ("page", "window", "screen")
KINDS = (*SUBTITLES, "credits", "logo", *SHEETS)
_TEXT = (
    "where were you when it began to rain I told them so last night nobody came home early again What do you mean by "
    "that Inspector Marlowe said the old house stands empty"
)
_WORDS = _TEXT.split()
_INK = 230  # of 255: pixels that ink covers at least so much
_DARK_INK = (20, 20, 20)
_NARROW = 0.94  # of the width: a line has words taken off until it fits


@dataclass(frozen=True, kw_only=True)
class DrawnGraphics:
    """``picture`` with graphics of ``kind`` and ``mask`` [H,W]: their ink, or the paper of a sheet."""

    kind: str
    picture: Image.Image
    mask: Mask


class _Canvas:
    """A picture that is drawn on, a layer of ink, and the draws of one seed."""

    def __init__(self, picture: Image.Image, fonts: Sequence[Path], seed: int):
        self.rng = random.Random(seed)
        self.picture = picture.copy()
        self.width, self.height = picture.size
        self.font_path = self.rng.choice(fonts)
        self.level = self.rng.choice([235, 240, 250, 255, 255])
        self.ink, self.pen = self.layer()

    def layer(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        layer = Image.new("L", self.picture.size, 0)
        return layer, ImageDraw.Draw(layer)

    def font(self, low: float, high: float, least: int = 1) -> tuple[int, ImageFont.FreeTypeFont]:
        """A size in shares of the height, and the typeface at that size."""
        size = int(self.height * self.rng.uniform(low, high))
        return size, ImageFont.truetype(str(self.font_path), max(least, size))

    def words(self, count: int) -> str:
        return " ".join(self.rng.choice(_WORDS) for _ in range(count))

    def paste(self, color: tuple[int, int, int], layer: Image.Image) -> None:
        self.picture.paste(color, (0, 0), layer)

    def inked(self) -> Mask:
        return np.asarray(self.ink) > _INK


def draw_graphics(picture: Image.Image, kind: str, fonts: Sequence[Path], seed: int) -> DrawnGraphics:
    """Graphics of ``kind``, one of KINDS, over an RGB picture, by the draws of ``seed``. The mask of a logo that lets
    the picture through is empty."""
    canvas = _Canvas(picture, fonts, seed)
    if kind in SUBTITLES:
        mask = _subtitle(canvas, kind)
    elif kind == "credits":
        mask = _credits(canvas)
    elif kind == "logo":
        mask = _logo(canvas)
    else:
        mask = _sheet(canvas, whole=kind == "screen")
    return DrawnGraphics(kind=kind, picture=canvas.picture, mask=mask)


def _subtitle(canvas: _Canvas, kind: str) -> Mask:
    rng, level = canvas.rng, canvas.level
    size, font = canvas.font(0.042, 0.065, least=9)
    blue = rng.choice([0, 60, 120]) if kind == "yellow" else level
    lines = [canvas.words(rng.randint(3, 6)) for _ in range(rng.randint(1, 2))]
    under, below = canvas.layer()
    top = canvas.height * 0.93 - len(lines) * size * 1.25
    for line in lines:
        text = _fitted(canvas.pen, line, font, canvas.width * _NARROW)
        long = canvas.pen.textlength(text, font=font)
        left = (canvas.width - long) / 2
        canvas.pen.text((left, top), text, fill=255, font=font)
        if kind in ("outlined", "yellow", "karaoke"):
            below.text((left, top), text, fill=255, font=font, stroke_width=max(1, size // 16))
        elif kind == "shadowed":
            below.text((left + size / 14, top + size / 14), text, fill=255, font=font)
        elif kind == "boxed":
            below.rectangle((left - size * 0.3, top - size * 0.1, left + long + size * 0.3, top + size * 1.3), fill=180)
        top += size * 1.25
    canvas.paste((0, 0, 0), under)
    canvas.paste((level, level, blue), canvas.ink)
    mask = canvas.inked()
    if kind == "karaoke":  # what has been sung is red, and no white
        middle = canvas.width // 2
        sung, _ = canvas.layer()
        sung.paste(canvas.ink.crop((0, 0, middle, canvas.height)), (0, 0))
        canvas.paste((level, 60, 60), sung)
        mask[:, :middle] = False
    return mask


def _credits(canvas: _Canvas) -> Mask:
    if canvas.rng.random() < 0.6:
        canvas.picture = Image.new("RGB", canvas.picture.size, (0, 0, 0))
    size, font = canvas.font(0.03, 0.05)
    top = -canvas.rng.random() * size
    while top < canvas.height:
        text = canvas.words(canvas.rng.randint(2, 5))
        canvas.pen.text(((canvas.width - canvas.pen.textlength(text, font=font)) / 2, top), text, fill=255, font=font)
        top += size * 1.6
    canvas.paste((canvas.level, canvas.level, canvas.level), canvas.ink)
    return canvas.inked()


def _logo(canvas: _Canvas) -> Mask:
    size, font = canvas.font(0.04, 0.09)
    left, top = canvas.width * 0.8, canvas.height * 0.06
    canvas.pen.text((left, top), canvas.words(1)[:5].upper(), fill=255, font=font)
    canvas.pen.ellipse((left - size * 1.3, top, left - size * 0.2, top + size * 1.1), fill=255)
    opacity = canvas.rng.choice([1.0, 1.0, 0.7])
    canvas.paste((canvas.level, canvas.level, canvas.level), canvas.ink.point(lambda covered: int(covered * opacity)))
    return canvas.inked() if opacity == 1 else np.zeros((canvas.height, canvas.width), bool)


def _sheet(canvas: _Canvas, *, whole: bool) -> Mask:
    """Paper with dark letters: a part of the picture, or all of it."""
    rng = canvas.rng
    level = rng.choice([240, 250, 255, 255])
    width, height, left, top = canvas.width, canvas.height, 0, 0
    if not whole:
        width, height = int(width * rng.uniform(0.25, 0.7)), int(height * rng.uniform(0.3, 0.8))
        left, top = rng.randint(0, canvas.width - width), rng.randint(0, canvas.height - height)
    canvas.pen.rectangle((left, top, left + width, top + height), fill=255)
    size, font = canvas.font(0.018, 0.035, least=8)
    text, pen = canvas.layer()
    line_top = top + size
    while line_top < top + height - 2 * size:
        if rng.random() < 0.85:
            line = _fitted(pen, canvas.words(30), font, width - 2 * size)
            if pen.textlength(line, font=font) <= width - 2 * size:
                pen.text((left + size, line_top), line, fill=255, font=font)
        line_top += size * 1.5
    canvas.paste((level, level, level), canvas.ink)
    canvas.paste(_DARK_INK, text)
    return canvas.inked() & (np.asarray(text) < 20)


def _fitted(pen: ImageDraw.ImageDraw, line: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The line without the last words that do not fit."""
    while pen.textlength(line, font=font) > width and " " in line:
        line = line.rsplit(" ", 1)[0]
    return line
