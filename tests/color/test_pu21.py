import numpy as np
import pytest

from engine.color import pu21


def test_published_units(backend, golden):
    entry = golden["pu21_banding_glare"]
    units = pu21.encode(backend.asarray(entry["x"]))
    np.testing.assert_allclose(
        units, entry["y"], rtol=backend.tolerance(1e-9, 1e-4), atol=backend.tolerance(1e-7, 1e-2)
    )


@pytest.mark.parametrize("parameters", [pu21.BANDING_GLARE, pu21.BANDING])
def test_round_trip_and_order(parameters):
    nits = np.geomspace(0.005, 10000, 500)
    units = pu21.encode(nits, parameters)
    assert (np.diff(units) > 0).all()
    np.testing.assert_allclose(pu21.decode(units, parameters), nits, rtol=1e-6, atol=1e-6)


def test_anchors():
    np.testing.assert_allclose(pu21.encode(np.array([100.0, 1000.0, 10000.0])), [256.384, 420.097, 595.394], atol=1e-3)
