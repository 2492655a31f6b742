"""What carriage does to SDR: JPEG (whose 8x8 blocks and 4:2:0 chroma are those of cheap video, too) and noise."""

import io

import numpy as np
import torch
from torch import Tensor

from lumaflux.lab.data.draws import happens, uniform

_JPEG_SHARE, _NOISE_SHARE = 0.3, 0.15


def damaged(sdr: Tensor, generator: torch.Generator) -> Tensor:
    """A signal [1,3,H,W] in [0,1], in 8 bits: noisy and compressed for a share of the pictures."""
    if happens(_NOISE_SHARE, generator):
        sigma = float(uniform((), 0.002, 0.02, generator))
        sdr = (sdr + sigma * torch.randn(sdr.shape, generator=generator)).clamp(0, 1)
    if happens(_JPEG_SHARE, generator):
        return _jpeg(sdr, int(uniform((), 30, 92, generator)))
    return (sdr * 255).round() / 255


def _jpeg(sdr: Tensor, quality: int) -> Tensor:
    from PIL import Image

    codes = (sdr[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    carried = io.BytesIO()
    Image.fromarray(codes).save(carried, "jpeg", quality=quality)
    with Image.open(carried) as picture:
        decoded = torch.from_numpy(np.asarray(picture, np.float32) / 255)
    return decoded.permute(2, 0, 1)[None]
