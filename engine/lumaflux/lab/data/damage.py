"""What carriage does to SDR: JPEG (whose 8x8 blocks and 4:2:0 chroma are those of cheap video, too) and noise.

Batched, in torch, on any device: ITU-T T.81's transform and quantisation with its example tables (Annex K), as the
Independent JPEG Group scales them by quality. Entropy coding loses nothing, so there is none.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color.ycbcr import rgb_to_ycbcr, ycbcr_to_rgb
from lumaflux.lab.data.draws import normal, rand, uniform
from lumaflux.lab.data.imperfections import quantize

_JPEG_SHARE, _NOISE_SHARE = 0.3, 0.15
_QUALITIES, _DEVIATIONS = (30.0, 92.0), (0.002, 0.02)
_BT601_LUMA = (0.299, 0.587, 0.114)  # JFIF 1.02, as BT.601-7
_BLOCK, _UNIT = 8, 16  # pixels of a block, and of what 4:2:0 takes together
# fmt: off
_LUMA_TABLE = (  # T.81 Table K.1
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)
_CHROMA_TABLE = (  # T.81 Table K.2
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, *(99,) * 32,
)
# fmt: on


def damaged(sdr: Tensor, generator: torch.Generator) -> Tensor:
    """Signals [B,3,H,W] in [0,1], in 8 bits: noisy and compressed for a share of the pictures."""
    column = (len(sdr), 1, 1, 1)
    noisy, blocky = (rand(column, generator) < share for share in (_NOISE_SHARE, _JPEG_SHARE))
    noise = uniform(column, *_DEVIATIONS, generator) * normal(tuple(sdr.shape), generator)
    sdr = quantize(torch.where(noisy, (sdr + noise).clamp(0, 1), sdr))
    return torch.where(blocky, jpeg(sdr, uniform(column, *_QUALITIES, generator).floor()), sdr)


@functools.lru_cache
def _transform(device: torch.device) -> Tensor:
    """The orthonormal DCT-II of 8 values [8,8]."""
    frequency, place = torch.arange(_BLOCK, device=device)[:, None], torch.arange(_BLOCK, device=device)[None, :]
    waves = torch.cos(math.pi / _BLOCK * (place + 0.5) * frequency) * math.sqrt(2 / _BLOCK)
    waves[0] /= math.sqrt(2)
    return waves


@functools.lru_cache
def _table(values: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device).view(_BLOCK, _BLOCK)


def _quantized(plane: Tensor, table: tuple[int, ...], scale: Tensor) -> Tensor:
    """A plane [B,C,h,w] around 0, in codes of 255, by blocks; ``scale`` [B,1,1,1,1,1] in per cent of the table."""
    count, channels, height, width = plane.shape
    transform = _transform(plane.device)
    steps = ((_table(table, plane.device) * scale + 50) / 100).floor().clamp(1, 255)
    blocks = plane.view(count, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).transpose(3, 4)
    coefficients = transform @ blocks @ transform.T
    back = transform.T @ ((coefficients / steps).round() * steps) @ transform
    return back.transpose(3, 4).reshape(plane.shape)


def jpeg(sdr: Tensor, quality: Tensor) -> Tensor:
    """Signals [B,3,H,W] in [0,1] -> what a baseline JPEG of ``quality`` [B,1,1,1] in 1..100 with 4:2:0 shows, in 8
    bits."""
    height, width = sdr.shape[-2:]
    padded = F.pad(sdr, (0, -width % _UNIT, 0, -height % _UNIT), mode="replicate")
    codes = 255 * rgb_to_ycbcr(padded, _BT601_LUMA)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality).floor().view(-1, 1, 1, 1, 1, 1)
    luma = _quantized(codes[:, :1].round() - 128, _LUMA_TABLE, scale) + 128
    chroma = _quantized(F.avg_pool2d(codes[:, 1:], 2).round(), _CHROMA_TABLE, scale)
    wide = F.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)
    shown = ycbcr_to_rgb(torch.cat([luma.round(), wide.round()], dim=1) / 255, _BT601_LUMA)
    return quantize(shown[..., :height, :width].clamp(0, 1))
