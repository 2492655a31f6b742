"""Circular convolution on a canvas twice the picture's size, padded after the last row and column only.

What leaves the picture at the top comes back from the padding at the bottom, as in HDR-VDP-3's own FFT filtering.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor


def frequencies(shape: Sequence[int], like: Tensor) -> tuple[Tensor, Tensor]:
    """Cycles per pixel of the canvas of an [H,W] picture: rows [2H,1], columns of the half spectrum [W+1]."""
    height, width = shape
    rows = torch.fft.fftfreq(2 * height, dtype=torch.float64, device=like.device)
    columns = torch.fft.rfftfreq(2 * width, dtype=torch.float64, device=like.device)
    return rows[:, None], columns


def filter_on_canvas(plane: Tensor, transfer: Tensor, padding: Literal["symmetric", "edge"]) -> Tensor:
    """``plane`` [H,W] filtered by the real ``transfer`` [2H,W+1]."""
    height, width = plane.shape
    canvas = plane.new_empty(2 * height, 2 * width)
    canvas[:height, :width] = plane
    if padding == "symmetric":
        canvas[:height, width:] = plane.flip(1)
        canvas[height:] = canvas[:height].flip(0)
    else:
        canvas[:height, width:] = plane[:, -1:]
        canvas[height:] = canvas[height - 1]
    spectrum = torch.fft.rfft2(canvas)
    del canvas
    spectrum *= transfer
    return torch.fft.irfft2(spectrum, s=(2 * height, 2 * width))[:height, :width]
