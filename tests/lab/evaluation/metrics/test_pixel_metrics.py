import math

import numpy as np
import pytest
import torch

from lumaflux.color import pq
from lumaflux.lab.evaluation.metrics.delta_e_itp import clipped_in, delta_e_itp
from lumaflux.lab.evaluation.metrics.exposure import aligned
from lumaflux.lab.evaluation.metrics.psnr import psnr
from lumaflux.lab.evaluation.metrics.pu21 import pu21_psnr, pu21_psnr_y, pu21_ssim
from lumaflux.lab.evaluation.metrics.ssim import ssim


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    reference = torch.rand(2, 3, 24, 32, generator=generator) * 0.7
    test = (reference + 0.01 * torch.randn(reference.shape, generator=generator)).clamp(0, 1)
    return test, reference


def test_psnr_of_a_known_error(pair):
    _, reference = pair
    assert psnr(reference + 0.01, reference).tolist() == pytest.approx([40.0, 40.0], abs=1e-3)
    assert math.isinf(psnr(reference, reference)[0])


def test_ssim_against_the_definition(pair):
    """One window, computed straight from the formula in NumPy."""
    test, reference = (p[:1, :1, :11, :11].double() for p in pair)
    offsets = np.arange(11) - 5.0
    g = np.exp(-0.5 * (offsets / 1.5) ** 2)
    w = np.outer(g, g) / g.sum() ** 2
    x, y = test[0, 0].numpy(), reference[0, 0].numpy()
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy, c = (w * x * x).sum() - mx**2, (w * y * y).sum() - my**2, (w * x * y).sum() - mx * my
    expected = (2 * mx * my + 1e-4) * (2 * c + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
    mine = ssim(test.expand(1, 3, 11, 11), reference.expand(1, 3, 11, 11))
    assert mine.item() == pytest.approx(expected, abs=1e-12)


def test_ssim_bounds(pair):
    test, reference = pair
    assert ssim(reference, reference).tolist() == pytest.approx([1, 1])
    assert (ssim(test, reference) < 1).all()
    with pytest.raises(ValueError, match="11x11"):
        ssim(test[..., :8], reference[..., :8])


def test_pu21_peak_is_256_not_595():
    """A PU21 error of one unit everywhere is 20 log10(256) dB."""
    from lumaflux.color import pu21

    reference = torch.full((1, 3, 16, 16), 50.0, dtype=torch.float64)
    test = pu21.decode(pu21.encode(reference) + 1)
    expected = 20 * math.log10(256)
    assert pu21_psnr(test, reference).item() == pytest.approx(expected, abs=1e-3)
    assert pu21_psnr_y(test, reference).item() == pytest.approx(expected, abs=1e-3)
    assert pu21_ssim(reference, reference).item() == pytest.approx(1)


def test_delta_e_masks(pair):
    test, reference = (pq.eotf(p) for p in pair)
    sdr = torch.zeros(2, 3, 24, 32)
    sdr[:, :, :4] = 1.0
    whole = delta_e_itp(test, reference, sdr)
    top = delta_e_itp(test[:, :, :4], reference[:, :, :4])
    assert torch.allclose(whole.clipped, top.mean)
    assert (whole.p99 > whole.mean).all()
    assert delta_e_itp(test, reference).clipped is None
    dark = torch.full((1, 3, 8, 8), 5.0)
    assert torch.isnan(delta_e_itp(dark, dark).above_203).all()


def test_clipped_is_luma_code_250():
    grey = torch.tensor([249, 250, 255]).div(255).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    assert clipped_in(grey)[0, 0].tolist() == [False, True, True]


def test_alignment_removes_a_gain_and_only_a_gain(pair):
    nits = pq.eotf(pair[1])
    assert torch.allclose(aligned(0.5 * nits, nits), nits, rtol=1e-4)
    black = torch.zeros(1, 3, 8, 8)
    assert aligned(black, black).isnan().all()
    dim = torch.cat((nits, torch.zeros_like(nits)), dim=-1)  # black beside it counts for nothing
    assert torch.allclose(aligned(0.5 * dim, dim), dim, rtol=1e-4)


@pytest.mark.parametrize("metric", [psnr, ssim, pu21_psnr, pu21_psnr_y, pu21_ssim, delta_e_itp])
def test_bad_pictures_are_named(metric):
    good = torch.rand(1, 3, 16, 16)
    with pytest.raises(ValueError, match="differ in size"):
        metric(good, torch.rand(1, 3, 16, 17))
    with pytest.raises(ValueError, match="NaN"):
        metric(good * torch.nan, good)
    with pytest.raises(ValueError, match=r"B,3,H,W"):
        metric(good[:, :2], good[:, :2])
