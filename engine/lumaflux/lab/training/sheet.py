"""Rows of pictures on one sheet: what a person looks at while a run goes on."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from torch import Tensor

_MARGIN = 2  # pixels


def grid(rows: Sequence[Tensor]) -> Image.Image:
    """Rows of pictures [N,3,H,W] in [0,1], one size -> one RGB picture, row under row."""
    count, _, height, width = rows[0].shape
    sheet = Image.new("RGB", (count * (width + _MARGIN), len(rows) * (height + _MARGIN)), "white")
    for top, row in enumerate(rows):
        pixels = (row.detach().cpu().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        for left, picture in enumerate(pixels):
            sheet.paste(
                Image.fromarray(np.ascontiguousarray(picture)), (left * (width + _MARGIN), top * (height + _MARGIN))
            )
    return sheet
