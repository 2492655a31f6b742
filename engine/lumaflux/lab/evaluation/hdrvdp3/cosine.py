"""Filtering of a picture mirrored at its borders: a DCT-II of each axis, scaled and transformed back.

HDR-VDP-3 takes the FFT of a mirrored canvas of twice the size; the cosine transform of the picture is the same
convolution on a quarter of the samples. Each transform is one real FFT of the same length (Makhoul 1980).
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def cosine_frequencies(shape: Sequence[int], like: Tensor) -> tuple[Tensor, Tensor]:
    """Cycles per pixel of the cosines of an [H,W] picture: rows [H,1] and columns [W]."""
    rows, columns = (torch.arange(n, dtype=like.dtype, device=like.device) / (2 * n) for n in shape)
    return rows[:, None], columns


def filter_mirrored(plane: Tensor, transfer: Tensor) -> Tensor:
    """``plane`` [H,W] filtered by the real ``transfer`` [H,W] at ``cosine_frequencies``."""
    spectrum = _dct(_dct(plane).T)
    spectrum *= transfer.T
    return _idct(_idct(spectrum).T)


def _dct(x: Tensor) -> Tensor:
    n = x.shape[1]
    evens_then_odds = torch.cat((x[:, ::2], x[:, 1::2].flip(1)), dim=1)
    half = torch.fft.rfft(evens_then_odds)
    half *= _phase(n, half)
    return torch.cat((half.real, -half.imag[:, 1 : (n + 1) // 2].flip(1)), dim=1)


def _idct(c: Tensor) -> Tensor:
    n = c.shape[1]
    kept = n // 2 + 1
    half = torch.complex(c[:, :kept].contiguous(), F.pad(-c[:, n - kept + 1 :].flip(1), (1, 0)))
    half *= _phase(n, half).conj()
    evens_then_odds = torch.fft.irfft(half, n=n)
    x = torch.empty_like(evens_then_odds)
    x[:, ::2] = evens_then_odds[:, : (n + 1) // 2]
    x[:, 1::2] = evens_then_odds[:, (n + 1) // 2 :].flip(1)
    return x


def _phase(n: int, like: Tensor) -> Tensor:
    angle = torch.arange(n // 2 + 1, dtype=torch.float64, device=like.device) * (-math.pi / (2 * n))
    return torch.polar(torch.ones_like(angle), angle).to(like.dtype)
