import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import reinhard


def test_published_curve(backend, golden):
    entry = golden["reinhard_ext_w10"]
    out = reinhard.curve(backend.asarray(entry["x"]))
    assert backend.same_kind(out)
    np.testing.assert_allclose(out, entry["y"], rtol=backend.tolerance(1e-14, 3e-7))


@given(st.floats(2, 20), st.floats(0, 1))
def test_the_curve_reaches_white_increases_and_inverts(white, part):
    x = np.array([0.9 * part, part, 1.0]) * white
    display = reinhard.curve(x, white)
    assert display[2] == pytest.approx(1, abs=1e-14)
    assert (np.diff(display) >= 0).all()
    np.testing.assert_allclose(reinhard.inverse_curve(display, white), x, rtol=1e-12, atol=1e-300)


def test_the_inverse_is_exact_in_single_precision():
    display = np.geomspace(1e-6, 1, 2000)
    single = reinhard.inverse_curve(display.astype(np.float32))
    np.testing.assert_allclose(single, reinhard.inverse_curve(display), rtol=1e-6)


def test_chromaticity_is_kept_inside_the_gamut():
    sdr = np.array([0.5, 0.6, 0.55]).reshape(3, 1, 1)
    np.testing.assert_allclose(reinhard.sdr_from_hdr(reinhard.hdr_from_sdr(sdr)), sdr, rtol=1e-10)
