import numpy as np
import pytest

from lumaflux.color import pq
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.color.spaces import SPACES, from_nits, to_nits
from lumaflux.errors import UserError


@pytest.mark.parametrize("name", SPACES)
def test_round_trip(backend, name):
    nits = np.random.default_rng(1).uniform(5, 150, (2, 3, 6, 7))
    nits = nits.mean(axis=1, keepdims=True) + 0.2 * (nits - nits.mean(axis=1, keepdims=True))
    values = from_nits(backend.asarray(nits), name)
    assert backend.same_kind(values)
    np.testing.assert_allclose(to_nits(values, name), nits, rtol=backend.tolerance(1e-9, 2e-5))


@pytest.mark.parametrize("name", [name for name, space in SPACES.items() if not space.absolute])
def test_relative_light_of_one_is_reference_white(name):
    white = to_nits(SPACES[name].encode(np.ones((3, 1, 1))), name, reference_white=250.0)
    np.testing.assert_allclose(white, 250, rtol=1e-12)


@pytest.mark.parametrize(("name", "signal"), [("pq-bt2020", 0.751827096247041), ("hlg-bt2020", 1.0)])
def test_absolute_spaces_ignore_the_reference_white(name, signal):
    for white in (100.0, 203.0):
        values = from_nits(np.full((3, 1, 1), 1000.0), name, reference_white=white)
        np.testing.assert_allclose(values, signal, atol=1e-7)


def test_an_sdr_signal_in_the_pq_space_is_its_static_placement():
    sdr = np.random.default_rng(2).uniform(0, 1, (3, 5, 5))
    np.testing.assert_allclose(from_nits(to_nits(sdr, "bt709-bt1886"), "pq-bt2020"), sdr_to_pq(sdr), rtol=0, atol=1e-14)


def test_scene_linear_keeps_colours_outside_its_gamut():
    red = to_nits(np.array([1.0, 0.0, 0.0]).reshape(3, 1, 1), "linear-bt2020")
    values = from_nits(red, "linear-bt709")
    assert values.min() < 0
    np.testing.assert_allclose(pq.inverse_eotf(to_nits(values, "linear-bt709")), pq.inverse_eotf(red), atol=1e-6)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UserError, match="acescg"):
        to_nits(np.ones((3, 1, 1)), "nope")
