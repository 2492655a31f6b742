import colour
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import hlg


@pytest.mark.parametrize(("entry", "curve"), [("hlg_oetf", hlg.oetf), ("hlg_oetf_inverse", hlg.inverse_oetf)])
def test_published_numbers(backend, golden, entry, curve):
    out = curve(backend.asarray(golden[entry]["x"]))
    assert backend.same_kind(out)
    expected = np.clip(golden[entry]["y"], 0, 1 + 1e-7)
    np.testing.assert_allclose(out, expected, rtol=0, atol=backend.tolerance(1e-12, 1e-6))


@pytest.mark.parametrize("peak", [400, 1000, 2000])
def test_eotf_agrees_with_the_oracle_in_the_production_range(peak):
    signal = np.random.default_rng(3).uniform(0, 1, (3, 5, 7))
    gamma = 1.2 + 0.42 * np.log10(peak / 1000)
    oracle = colour.models.eotf_BT2100_HLG(np.moveaxis(signal, 0, -1), L_W=peak, gamma=gamma)
    # the oracle's luma weights have more digits than Table 5's
    np.testing.assert_allclose(hlg.eotf(signal, peak), np.moveaxis(oracle, -1, 0), rtol=2e-4)


@pytest.mark.parametrize(("peak", "gamma"), [(400, 1.0329), (1000, 1.2), (2000, 1.3264), (4000, 1.4812), (100, 0.8459)])
def test_system_gamma(peak, gamma):
    assert hlg.system_gamma(peak) == pytest.approx(gamma, abs=6e-5)


def test_the_two_models_of_gamma_are_close_where_they_meet():
    for edge, outside in ((400, 399.999), (2000, 2000.001)):
        assert abs(hlg.system_gamma(edge) - hlg.system_gamma(outside)) < 0.012


def test_a_peak_of_nothing_is_refused():
    with pytest.raises(ValueError, match="peak"):
        hlg.system_gamma(0)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(100, 4000))
def test_ootf_round_trip(scene, peak):
    scene = np.array(scene).reshape(3, 1, 1)
    np.testing.assert_allclose(hlg.inverse_ootf(hlg.ootf(scene, peak), peak), scene, rtol=1e-9, atol=1e-12)


@given(st.floats(0.001, 1))
def test_display_light_of_grey_comes_back(level):
    nits = np.full((3, 1, 1), 1000 * level)
    np.testing.assert_allclose(hlg.eotf(hlg.inverse_eotf(nits)), nits, rtol=1e-6)


def test_reference_points():
    grey = np.broadcast_to(np.array([0.0, 0.75, 1.0]), (3, 1, 3))
    np.testing.assert_allclose(hlg.eotf(grey)[0, 0], [0, 203, 1000], rtol=2e-3)


@pytest.mark.parametrize("function", [hlg.oetf, hlg.inverse_oetf, hlg.eotf, hlg.inverse_eotf])
def test_gradients_are_finite_at_black(function):
    x = torch.tensor([0.0, 1e-20, 1e-9, 0.5, 1.0]).expand(3, 1, 5).clone().requires_grad_()
    function(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
