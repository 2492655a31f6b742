"""EXR pictures whose stored pixels are more or less than the picture: overscan cut off, what is missing black."""

from typing import Any

import numpy as np

_LARGEST = 1 << 16  # pixels a side; a header that says more is damaged


def display_size(spec: Any) -> tuple[int, int]:
    """Width and height of the picture as it is meant to be seen. Raises ValueError for no sensible size."""
    width, height = spec.full_width or spec.width, spec.full_height or spec.height
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        raise ValueError(f"its display window is {width}x{height}")
    return width, height


def in_display_window(pixels: np.ndarray, spec: Any) -> tuple[np.ndarray, list[str]]:
    """``pixels`` [H,W,C] of the stored window -> those of the display window, and what was done, in sentences."""
    width, height = display_size(spec)
    left, top = spec.x - spec.full_x, spec.y - spec.full_y
    stored_height, stored_width = pixels.shape[:2]
    if (left, top, stored_width, stored_height) == (0, 0, width, height):
        return pixels, []
    shown = np.zeros((height, width, pixels.shape[2]), dtype=pixels.dtype)
    rows = slice(max(0, top), min(height, top + stored_height))
    columns = slice(max(0, left), min(width, left + stored_width))
    if rows.start < rows.stop and columns.start < columns.stop:
        inside = pixels[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        shown[rows, columns] = inside
    notes = []
    if left < 0 or top < 0 or left + stored_width > width or top + stored_height > height:
        notes.append("what is stored outside of its display window is left out.")
    if left > 0 or top > 0 or left + stored_width < width or top + stored_height < height:
        notes.append("what its display window has beyond the stored pixels is black.")
    return shown, notes
