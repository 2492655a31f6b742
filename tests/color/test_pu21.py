import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import pu21

PARAMETERS = [pu21.BANDING_GLARE, pu21.BANDING]


def test_published_units(backend, golden):
    entry = golden["pu21_banding_glare"]
    units = pu21.encode(backend.asarray(entry["x"]))
    assert backend.same_kind(units)
    np.testing.assert_allclose(
        units, entry["y"], rtol=1e-12 if backend.double else 0, atol=0 if backend.double else 2e-3
    )


@pytest.mark.parametrize("parameters", PARAMETERS)
@given(st.floats(0.005, 10000), st.floats(0.005, 10000))
def test_round_trip_and_order(parameters, a, b):
    nits = np.array(sorted((a, b)))
    units = pu21.encode(nits, parameters)
    assert units[0] <= units[1]
    np.testing.assert_allclose(pu21.decode(units, parameters), nits, rtol=1e-7)


@pytest.mark.parametrize(("nits", "units"), [(0.005, 5.5e-10), (100, 256.384), (1000, 420.097), (10000, 595.394)])
def test_anchors(nits, units):
    assert pu21.encode(np.array([float(nits)]))[0] == pytest.approx(units, abs=5e-4)


def test_light_beyond_the_range_is_clamped():
    ends = pu21.encode(np.array([pu21.LOWEST_NITS, pu21.HIGHEST_NITS]))
    np.testing.assert_array_equal(pu21.encode(np.array([-1.0, 1e6])), ends)


@pytest.mark.parametrize("function", [pu21.encode, pu21.decode])
@pytest.mark.parametrize("parameters", PARAMETERS)
def test_gradients_are_finite(function, parameters):
    x = torch.tensor([0.0, 1e-6, 1.0, 100.0], requires_grad=True)
    function(x, parameters).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
