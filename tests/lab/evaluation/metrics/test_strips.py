"""Going through a picture in strips and tiles changes no score."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import pq
from lumaflux.color.ictcp import delta_e_itp as delta_e_map
from lumaflux.lab.evaluation.metrics.delta_e_itp import delta_e_itp
from lumaflux.lab.evaluation.metrics.frames import STRIP, in_strips, mean_over, strips
from lumaflux.lab.evaluation.metrics.psnr import psnr
from lumaflux.lab.evaluation.metrics.ssim import ssim


def pair(height, width, batch=2):
    generator = torch.Generator().manual_seed(height * 1000 + width)
    reference = 0.6 * torch.rand(batch, 3, height, width, dtype=torch.float64, generator=generator)
    noise = torch.randn(reference.shape, dtype=torch.float64, generator=generator)
    return (reference + 0.02 * noise).clamp(0, 1), reference


@given(st.integers(0, 200))
def test_strips_cover_every_row_once(height):
    rows = [row for strip in strips(height) for row in range(height)[strip]]
    assert rows == list(range(height))


@pytest.mark.parametrize("height", [1, STRIP, STRIP + 1, 3 * STRIP - 1])
def test_strips_give_what_the_whole_gives(height):
    test, reference = pair(height, 21)
    assert torch.equal(in_strips(pq.eotf, test), pq.eotf(test))
    difference = in_strips(delta_e_map, pq.eotf(test), pq.eotf(reference))
    assert torch.equal(difference, delta_e_map(pq.eotf(test), pq.eotf(reference)))
    error = (test - reference).square().mean(dim=(1, 2, 3))
    assert torch.allclose(psnr(test, reference), -10 * error.log10(), atol=1e-12)


def test_p99_is_the_quantile_of_each_picture():
    test, reference = (pq.eotf(picture) for picture in pair(40, 60))
    expected = torch.quantile(delta_e_map(test, reference).flatten(1), 0.99, dim=1)
    assert torch.allclose(delta_e_itp(test, reference).p99, expected, rtol=1e-12)


def test_an_empty_mask_has_no_mean():
    values, mask = torch.ones(2, 4, 5), torch.zeros(2, 4, 5, dtype=torch.bool)
    mask[0, 1] = True
    mean = mean_over(values, mask)
    assert mean[0] == 1
    assert mean[1].isnan()


def plain_ssim(x, y):
    """The definition by two-dimensional convolution of the whole picture."""
    offsets = torch.arange(11, dtype=torch.float64) - 5
    g = torch.exp(-0.5 * (offsets / 1.5) ** 2)
    window = (torch.outer(g, g) / g.sum() ** 2).expand(3, 1, 11, 11)
    mx, my, xx, yy, xy = (F.conv2d(p, window, groups=3) for p in (x, y, x * x, y * y, x * y))
    vx, vy, c = xx - mx * mx, yy - my * my, xy - mx * my
    index = (2 * mx * my + 1e-4) * (2 * c + 9e-4) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4))
    return index.mean(dim=(1, 2, 3))


@pytest.mark.parametrize("size", [(11, 11), (64, 64), (65, 64), (64, 65), (118, 119), (130, 200)])
def test_ssim_in_tiles_is_ssim(size):
    test, reference = pair(*size)
    assert torch.allclose(ssim(test, reference), plain_ssim(test, reference), atol=1e-11)
    assert torch.allclose(ssim(test.float(), reference.float()), plain_ssim(test, reference), atol=1e-5)
