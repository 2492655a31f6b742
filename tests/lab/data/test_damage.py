"""Carriage: blocks as a JPEG encoder makes them, and damage for a share of the pictures."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from lumaflux.lab.data.damage import damaged, jpeg


def _picture(height: int, width: int) -> torch.Tensor:
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)[None, :]
    waves = [torch.sin(23 * columns + phase) * torch.cos(17 * rows - phase) for phase in (0.0, 1.0, 2.0)]
    noise = 0.03 * torch.randn(3, height, width, generator=torch.Generator().manual_seed(0))
    return ((0.5 + 0.45 * torch.stack(waves) + noise).clamp(0, 1) * 255).round()[None] / 255


def _encoded(sdr: torch.Tensor, quality: int) -> torch.Tensor:
    codes = (sdr[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    carried = io.BytesIO()
    Image.fromarray(codes).save(carried, "jpeg", quality=quality)
    with Image.open(carried) as picture:
        return torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)[None]


@pytest.mark.parametrize("quality", [30, 49, 75, 92])
def test_blocks_are_those_of_a_jpeg_file(quality: int):
    sdr = torch.cat([_picture(70, 83), _picture(70, 83).flip(-1)])
    shown = jpeg(sdr, torch.full((2, 1, 1, 1), float(quality)))
    for own, source in zip(shown.split(1), sdr.split(1), strict=True):
        wanted = _encoded(source, quality)
        off = 255 * (own - wanted).abs()
        # decoders differ in how they enlarge chroma and round; the blocks' own error is 4 to 15 codes
        assert float(off.mean()) < 0.25 * 255 * float((source - wanted).abs().mean()) + 0.3
        assert float(off.quantile(0.99)) <= 14


def test_a_share_of_the_pictures_is_damaged_and_all_are_in_8_bits():
    sdr = _picture(32, 32).expand(200, -1, -1, -1)
    result = damaged(sdr, torch.Generator().manual_seed(1))
    changed = (result != sdr).flatten(1).any(1).float().mean()
    assert 0.3 < float(changed) < 0.5  # 1 - 0.7 * 0.85 = 0.405
    torch.testing.assert_close(255 * result, (255 * result).round(), rtol=0, atol=1e-4)
