import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import bt2446c
from lumaflux.color.gamut import BT2020_TO_BT709
from lumaflux.color.primaries import apply_matrix


@pytest.mark.parametrize(
    ("entry", "curve"),
    [
        ("bt2446C_Y_hdr_nits_to_sdr_percent", bt2446c.luminance_to_sdr),
        ("bt2446C_Y_sdr_percent_to_hdr_nits", bt2446c.luminance_to_hdr),
    ],
)
def test_published_curves(backend, golden, entry, curve):
    out = curve(backend.asarray(golden[entry]["x"]))
    assert backend.same_kind(out)
    np.testing.assert_allclose(out, golden[entry]["y"], rtol=backend.tolerance(1e-13, 2e-6))


def test_anchors_and_the_printed_step():
    np.testing.assert_allclose(bt2446c.luminance_to_sdr(np.array([203.0, 1000.0])), [90.7, 118.387], atol=0.04)
    below, above = bt2446c.luminance_to_sdr(bt2446c.INFLECTION_NITS + np.array([-1e-9, 1e-9]))
    assert below == pytest.approx(58.5, abs=1e-6)
    assert above - below == pytest.approx(0.035, abs=5e-4)


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_the_curve_increases_and_inverts(a, b):
    low, high = bt2446c.luminance_to_sdr(np.array(sorted((a, b))))
    assert low <= high
    back = bt2446c.luminance_to_hdr(np.array([low, high]))
    np.testing.assert_allclose(back, sorted((a, b)), rtol=1e-10, atol=1e-12)


@given(st.floats(0, 0.33))
def test_crosstalk_has_the_printed_inverse(a):
    matrix = bt2446c.crosstalk_matrix(a)
    np.testing.assert_allclose(matrix, [[1 - 2 * a, a, a], [a, 1 - 2 * a, a], [a, a, 1 - 2 * a]], atol=1e-15)
    printed = (np.eye(3) - a * np.ones((3, 3))) / (1 - 3 * a)
    printed[np.diag_indices(3)] = (1 - a) / (1 - 3 * a)
    np.testing.assert_allclose(np.linalg.inv(matrix), printed, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("amount", [-0.01, 1 / 3, 0.5])
def test_crosstalk_out_of_range_is_refused(amount):
    with pytest.raises(ValueError, match="crosstalk"):
        bt2446c.crosstalk_matrix(amount)


def test_without_crosstalk_the_chromaticity_stays():
    rgb = np.array([30.0, 40.0, 35.0]).reshape(3, 1, 1)
    out = bt2446c.sdr_from_hdr(rgb, crosstalk=0.0) ** 2.4
    linear = apply_matrix(BT2020_TO_BT709, rgb)
    np.testing.assert_allclose(out / out.sum(), linear / linear.sum(), rtol=1e-10)


@given(st.lists(st.floats(0.05, 95), min_size=3, max_size=3), st.floats(0, 0.2))
def test_colours_inside_the_gamut_come_back(percent, crosstalk):
    sdr = (np.array(percent).reshape(3, 1, 1) / 100) ** (1 / 2.4)
    hdr = bt2446c.hdr_from_sdr(sdr, crosstalk)
    if hdr.min() > 1e-6:  # the inverse may leave BT.2020, where it is clipped
        np.testing.assert_allclose(
            bt2446c.sdr_from_hdr(hdr, crosstalk), sdr, rtol=3e-4
        )  # the printed step, at 58.5 percent


def test_super_white_is_clipped_at_100_percent():
    np.testing.assert_allclose(bt2446c.sdr_from_hdr(np.full((3, 1, 2), 1000.0)), 1, atol=1e-15)
