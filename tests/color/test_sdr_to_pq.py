import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import pq
from lumaflux.color.primaries import BT709, BT2020, rgb_to_rgb
from lumaflux.color.sdr_to_pq import sdr_to_linear2020, sdr_to_pq


def test_white_and_black_land_on_the_reference_levels(backend):
    frame = backend.asarray(np.stack([np.array([[0.0, 1.0]])] * 3))
    out = sdr_to_pq(frame)
    assert backend.same_kind(out)
    np.testing.assert_allclose(np.asarray(out)[:, 0], [[7.309559e-7, 0.5806888810416109]] * 3, atol=1e-6)
    np.testing.assert_allclose(np.asarray(sdr_to_pq(frame, 100.0))[:, 0, 1], 0.508078421517399, atol=1e-6)


def test_a_primary_is_the_matrix_column(backend):
    frame = np.zeros((3, 1, 3))
    frame[[0, 1, 2], 0, [0, 1, 2]] = 0.5
    out = sdr_to_linear2020(backend.asarray(frame))
    np.testing.assert_allclose(
        np.asarray(out)[:, 0], 0.5**2.4 * rgb_to_rgb(BT709, BT2020), atol=backend.tolerance(1e-14, 1e-7)
    )


@given(st.floats(0, 1), st.floats(48, 400))
def test_grey_stays_grey_and_is_bt1886_light(level, white):
    out = pq.eotf(sdr_to_pq(np.full((3, 1, 1), level), white)).ravel()
    np.testing.assert_allclose(out, white * level**2.4, rtol=1e-8, atol=2e-6)


def test_signals_beyond_the_range_are_clamped():
    out = sdr_to_linear2020(np.stack([np.array([[-0.3, 1.4]])] * 3))
    np.testing.assert_allclose(out[:, 0], [[0, 1]] * 3, atol=1e-14)


@pytest.mark.parametrize("function", [sdr_to_pq, sdr_to_linear2020])
def test_gradients_are_finite_at_black(function):
    x = torch.tensor([0.0, 1e-6, 1.0]).expand(3, 1, 3).clone().requires_grad_()
    function(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
