import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import bt1886


@pytest.mark.parametrize(("name", "black"), [("bt1886_eotf_Lw100_Lb0", 0.0), ("bt1886_eotf_Lw100_Lb0.1", 0.1)])
def test_eotf_gives_the_published_light(backend, golden, name, black):
    entry = golden[name]
    nits = bt1886.eotf(backend.asarray(entry["x"]), black_nits=black)
    assert backend.same_kind(nits)
    np.testing.assert_allclose(nits, entry["y"], rtol=backend.tolerance(1e-12, 2e-6))


def test_inverse_eotf_gives_the_published_signal(backend, golden):
    entry = golden["bt1886_eotf_inverse_Lw100_Lb0"]
    signal = bt1886.inverse_eotf(backend.asarray(entry["x"]))
    assert backend.same_kind(signal)
    np.testing.assert_allclose(signal, entry["y"], rtol=0, atol=backend.tolerance(1e-12, 2e-7))


@given(st.floats(1e-4, 1.2), st.floats(0.5, 10000), st.floats(0, 0.2))
def test_round_trip(signal, white, black):
    nits = bt1886.eotf(np.array([signal]), white, black)
    np.testing.assert_allclose(bt1886.inverse_eotf(nits, white, black), signal, rtol=1e-9)


def test_white_and_black_are_the_displays():
    np.testing.assert_allclose(bt1886.eotf(np.array([0.0, 1.0]), 203.0, 0.05), [0.05, 203.0], rtol=1e-12)


def test_a_black_level_above_white_is_refused():
    with pytest.raises(ValueError, match="black level"):
        bt1886.eotf(np.array([0.5]), 1.0, 1.0)


@pytest.mark.parametrize("function", [bt1886.eotf, bt1886.inverse_eotf])
def test_gradients_are_finite_at_black(function):
    x = torch.tensor([-1.0, 0.0, 1e-30, 1e-9, 1.0], requires_grad=True)
    function(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
