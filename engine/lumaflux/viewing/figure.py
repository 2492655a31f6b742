"""The picture of docs/viewing.md: ``python -m lumaflux.viewing.figure CLIP PICTURE``."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from lumaflux.media.display_light import DisplayLight
from lumaflux.viewing.sheet import Sheet

_WIDTH, _GAP, _QUALITY = 560, 8, 85


def figure(sheet: Sheet) -> Image.Image:
    """Views above, scopes below, side by side."""
    rows = [
        [sheet.view(_WIDTH), sheet.false_color(_WIDTH)],
        [sheet.scopes["waveform"], sheet.scopes["chromaticity"]],
        [sheet.scopes["histogram"]],
    ]
    width = max(sum(pixels.shape[1] + _GAP for pixels in row) for row in rows) - _GAP
    height = sum(max(pixels.shape[0] for pixels in row) + _GAP for row in rows) - _GAP
    canvas, top = Image.new("RGB", (width, height), (14, 14, 16)), 0
    for row in rows:
        left = 0
        for pixels in row:
            canvas.paste(Image.fromarray(np.ascontiguousarray(pixels)), (left, top))
            left += pixels.shape[1] + _GAP
        top += max(pixels.shape[0] for pixels in row) + _GAP
    return canvas


if __name__ == "__main__":
    figure(Sheet.of(DisplayLight(Path(sys.argv[1])))).save(sys.argv[2], quality=_QUALITY)
