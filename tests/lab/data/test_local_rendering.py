"""Local tone mapping: range, that it is local, that smooth areas keep their order; imperfections one by one."""

import pytest
import torch

from lumaflux.lab.data.draws import happens
from lumaflux.lab.data.imperfections import SHARES, imperfections, quantize
from lumaflux.lab.data.local_rendering import LOCAL_FAMILIES, guided_base, render_local, smooth


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def window(level: float) -> torch.Tensor:
    """A small grey patch in the middle of a surround of PQ ``level``."""
    picture = torch.full((1, 3, 64, 64), level)
    picture[..., 31:34, 31:34] = 0.45
    return picture


@pytest.mark.parametrize("family", list(LOCAL_FAMILIES))
def test_range_and_reproducibility(family: str):
    hdr = 0.75 * torch.rand(2, 3, 32, 48, generator=generator())
    first, again = (render_local(hdr, family, generator(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.isfinite(first).all()
    assert first.min() >= 0
    assert first.max() <= 1
    assert not torch.equal(first, render_local(hdr, family, generator(2)))


@pytest.mark.parametrize("family", list(LOCAL_FAMILIES))
def test_the_surround_decides(family: str):
    dark, bright = (render_local(window(level), family, generator(3))[0, 1, 32, 32] for level in (0.2, 0.7))
    assert dark > bright + 0.01


@pytest.mark.parametrize("family", list(LOCAL_FAMILIES))
def test_grey_stays_grey(family: str):
    sdr = render_local(window(0.6), family, generator(4))
    torch.testing.assert_close(sdr[:, 0], sdr[:, 2], atol=2e-3, rtol=0)


def test_guided_base_keeps_edges_and_removes_texture():
    step = torch.zeros(1, 1, 32, 32)
    step[..., 16:] = 8.0
    texture = 0.1 * torch.randn(1, 1, 32, 32, generator=generator())
    base = guided_base(step + texture, 3, 0.25)
    assert (base[..., 18:].mean() - base[..., :14].mean()) > 7
    assert base[..., :6].std() < 0.5 * texture[..., :6].std()


def test_smooth_keeps_a_constant():
    torch.testing.assert_close(smooth(torch.full((1, 2, 9, 7), 0.3), 2), torch.full((1, 2, 9, 7), 0.3))


@pytest.mark.parametrize("error", [error for error, _ in SHARES])
def test_each_imperfection_changes_and_stays_in_range(error):
    sdr = torch.rand(2, 3, 16, 16, generator=generator())
    changed = error(sdr, generator(1))
    assert changed.shape == sdr.shape
    assert not torch.allclose(changed, sdr, atol=1e-3)
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_imperfections_end_in_8_bits():
    sdr = imperfections(torch.rand(8, 3, 16, 16, generator=generator()), generator(1))
    torch.testing.assert_close(sdr, quantize(sdr))


def test_happens_has_its_share():
    source = generator(9)
    assert 0.2 < sum(happens(0.25, source) for _ in range(2000)) / 2000 < 0.3
