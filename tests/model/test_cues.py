import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.model.build import build
from lumaflux.model.cues import log_gradient, ring_spectrum, upper_quantiles
from lumaflux.model.presets import TINY_FLUX


@settings(deadline=None, max_examples=40)
@given(count=st.integers(2, 400), seed=st.integers(0, 99))
def test_quantiles_equal_numpys_linear_ones(count, seed):
    values = torch.randn(2, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    mine = torch.stack(upper_quantiles(values, (0.95, 0.99)))
    assert torch.allclose(mine, torch.from_numpy(np.quantile(values.numpy(), [0.95, 0.99], axis=1)), atol=1e-12)


def test_quantiles_work_beyond_two_to_the_24():
    values = torch.arange(17_000_000, dtype=torch.float32).unsqueeze(0)
    (p99,) = upper_quantiles(values, (0.99,))
    assert abs(p99.item() - 0.99 * 16_999_999) < 4


def test_bands_do_not_show_in_the_token_pooling():
    cues = build(TINY_FLUX, seed=0).adapters.cues
    maps = torch.rand(1, 3, 16 * 130, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole = torch.nn.functional.avg_pool2d(cues.tokens(maps), 16).flatten(2).transpose(1, 2)
        assert torch.allclose(cues._pool(maps), whole, atol=1e-6)


def test_flat_luminance_has_no_gradient_and_only_dc():
    flat = torch.full((1, 1, 32, 48), 0.5)
    assert log_gradient(flat).max() < 2e-6
    spectrum = ring_spectrum(flat, 8)
    assert spectrum[0, 0] > 0
    assert spectrum[0, 1:].abs().max() < 1e-6
