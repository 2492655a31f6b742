import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import pq


def test_inverse_eotf_gives_the_published_signal(backend, golden):
    entry = golden["pq_eotf_inverse_ST2084"]
    signal = pq.inverse_eotf(backend.asarray(entry["x"]))
    assert backend.same_kind(signal)
    np.testing.assert_allclose(signal, entry["y"], rtol=0, atol=backend.tolerance(1e-12, 5e-7))


def test_eotf_gives_the_published_light(backend, golden):
    entry = golden["pq_eotf_ST2084"]
    nits = pq.eotf(backend.asarray(entry["x"]))
    assert backend.same_kind(nits)
    np.testing.assert_allclose(nits, entry["y"], rtol=backend.tolerance(1e-11, 1e-5), atol=backend.tolerance(0, 1e-6))


@pytest.mark.parametrize(
    ("nits", "signal"), [(0, 7.3e-7), (100, 0.508078), (203, 0.580689), (1000, 0.751827), (10000, 1.0)]
)
def test_anchors(nits, signal):
    np.testing.assert_allclose(pq.inverse_eotf(np.array([float(nits)])), signal, atol=5e-7)


def test_constants_close_the_range():
    assert pq.PQ_C1 == pq.PQ_C3 - pq.PQ_C2 + 1
    assert (pq.PQ_M2, pq.PQ_C2, pq.PQ_C3) == (2523 / 32, 2413 / 128, 2392 / 128)


@given(st.floats(1e-6, 10000))
def test_round_trip(nits):
    np.testing.assert_allclose(pq.eotf(pq.inverse_eotf(np.array([nits]))), nits, rtol=1e-10)


@given(st.lists(st.floats(0, 12000), min_size=2, max_size=20))
def test_more_light_never_means_less_signal(levels):
    signal = pq.inverse_eotf(np.sort(np.array(levels)))
    assert np.all(np.diff(signal) >= 0)
    assert signal[0] >= 0
    assert signal[-1] <= 1


def test_light_below_the_floor_is_within_a_tenth_of_a_ten_bit_code():
    nits = np.linspace(0, 1e-6, 1001)
    exact = ((pq.PQ_C1 + pq.PQ_C2 * (nits / 1e4) ** pq.PQ_M1) / (1 + pq.PQ_C3 * (nits / 1e4) ** pq.PQ_M1)) ** pq.PQ_M2
    assert np.max(np.abs(pq.inverse_eotf(nits) - exact)) < 0.1 / 1023


def test_every_ten_bit_code_comes_back_in_float32():
    codes = torch.arange(1024, dtype=torch.float32)
    back = pq.inverse_eotf(pq.eotf(codes / 1023)) * 1023
    assert torch.max(torch.abs(back - codes)) < 2e-3


def test_values_beyond_the_range_are_clamped():
    np.testing.assert_allclose(pq.eotf(np.array([-0.5, 1.7])), [0, 10000])
    np.testing.assert_allclose(pq.inverse_eotf(np.array([-3.0, 2e4])), [pq.PQ_C1**pq.PQ_M2, 1])


@pytest.mark.parametrize("function", [pq.eotf, pq.inverse_eotf])
def test_gradients_are_finite_at_black(function):
    x = torch.tensor([-1.0, 0.0, 1e-30, 1e-9, 7.3e-7, 1e-6, 1.0], requires_grad=True)
    function(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert x.grad is not None
    assert x.grad.abs().max() < 1e5
