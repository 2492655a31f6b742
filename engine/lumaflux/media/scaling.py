"""Pictures made smaller in linear light: every new pixel is the exact mean of the area that it covers."""

import numpy as np
from numpy.typing import NDArray


def fit_within(width: int, height: int, box: tuple[int, int] | None) -> tuple[int, int]:
    """The largest even (width, height) of the same shape that fits the box (width, height); nothing is enlarged."""
    factor = 1.0 if box is None else min(1.0, box[0] / width, box[1] / height)
    return max(2, round(width * factor) // 2 * 2), max(2, round(height * factor) // 2 * 2)


def _area_weights(source: int, target: int) -> NDArray[np.float32]:
    """[target, source]: the share of each old pixel in each new one; rows sum to 1."""
    edges = np.arange(target + 1) * (source / target)
    old = np.arange(source)
    covered = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return (covered.clip(0, None) * (target / source)).astype(np.float32)


def reduce_area(picture: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Light [3,h,w] -> [3,height,width]. Raises ValueError for a target larger than the picture."""
    old_height, old_width = picture.shape[1:]
    if width > old_width or height > old_height:
        raise ValueError(f"{old_width}x{old_height} cannot be reduced to {width}x{height}")
    if (width, height) == (old_width, old_height):
        return picture
    rows = np.matmul(_area_weights(old_height, height), picture)
    return np.ascontiguousarray(np.matmul(rows, _area_weights(old_width, width).T), dtype=np.float32)
