import math

import numpy as np
import pytest

from lumaflux.color import bt2446a
from lumaflux.color.primaries import BT709, BT2020, apply_matrix, rgb_to_rgb


@pytest.mark.parametrize(
    ("entry", "curve"),
    [
        ("bt2446A_luma_hdr_to_sdr_1000_100", bt2446a.luma_to_sdr),
        ("bt2446A_luma_sdr_to_hdr_1000", bt2446a.luma_to_hdr),
    ],
)
def test_published_curves(backend, golden, entry, curve):
    out = curve(backend.asarray(golden[entry]["x"]))
    assert backend.same_kind(out)
    np.testing.assert_allclose(out, golden[entry]["y"], rtol=backend.tolerance(1e-12, 2e-6), atol=1e-10)


def test_forward_segments_meet_within_the_rounding_of_the_printed_constants():
    rho = 1 + 32 * 0.1 ** (1 / 2.4)
    assert rho == pytest.approx(13.2598, abs=5e-5)
    for p in (0.7399, 0.9909):
        luma = (rho ** (p + np.array([-1e-9, 1e-9])) - 1) / (rho - 1)
        below, above = bt2446a.luma_to_sdr(luma)
        assert abs(above - below) < 1e-3


def test_inverse_polynomials_meet_at_70():
    below, above = bt2446a.luma_to_hdr((70 + np.array([-1e-7, 1e-7])) / 255)
    assert abs(above / below - 1) < 2e-3
    wrong = (70 ** (2.8305e-6 * 70**2 - 7.4622e-4 * 70 + 1.2328)) / 1000
    assert abs(wrong / below - 1) > 0.05


def test_full_signal_reaches_the_peak():
    assert bt2446a.luma_to_hdr(np.ones(1))[0] == pytest.approx(0.9998, abs=5e-6)
    white = np.full((3, 1, 1), 1000.0)
    np.testing.assert_allclose(bt2446a.sdr_from_hdr(white), 1, atol=1e-12)


def test_curves_increase():
    luma = np.linspace(0, 1, 2000)
    assert (np.diff(bt2446a.luma_to_sdr(luma)) >= -1e-4).all()
    assert (np.diff(bt2446a.luma_to_hdr(luma)) >= -1e-4).all()


def test_the_round_trip_of_greys_is_off_by_the_known_six_percent(grey_frame):
    """The printed tables are not each other's inverse: 5.8 % of the light at 1 to 1000 cd/m2, more below."""
    levels = np.geomspace(4, 1000, 400)
    back = bt2446a.hdr_from_sdr(bt2446a.sdr_from_hdr(grey_frame(levels)))
    assert 0.055 < np.max(np.abs(back[1, 0] / levels - 1)) < 0.0585


def _written_out(rgb):
    """Tables 1 and 2 for one colour, scalar by scalar; BT.2020 signal before the gamut."""
    k = (0.2627, 0.6780, 0.0593)
    r, g, b = ((x / 1000) ** (1 / 2.4) for x in rgb)
    y = k[0] * r + k[1] * g + k[2] * b
    rho_hdr, rho_sdr = 1 + 32 * (1000 / 10000) ** (1 / 2.4), 1 + 32 * (100 / 10000) ** (1 / 2.4)
    p = math.log(1 + (rho_hdr - 1) * y) / math.log(rho_hdr)
    c = 1.0770 * p if p <= 0.7399 else (-1.1510 * p * p + 2.7811 * p - 0.6302 if p < 0.9909 else 0.5 * p + 0.5)
    y_sdr = (rho_sdr**c - 1) / (rho_sdr - 1)
    f = y_sdr / (1.1 * y)
    cb, cr = f * (b - y) / 1.8814, f * (r - y) / 1.4746
    y_tmo = y_sdr - max(0.1 * cr, 0)
    red, blue = y_tmo + 1.4746 * cr, y_tmo + 1.8814 * cb
    return red, (y_tmo - k[0] * red - k[2] * blue) / k[1], blue


@pytest.mark.parametrize("rgb", [(300.0, 250.0, 200.0), (20.0, 30.0, 25.0), (600.0, 500.0, 550.0), (1.0, 1.2, 0.9)])
def test_colours_inside_the_gamut_follow_the_tables(backend, rgb):
    light = np.array(_written_out(rgb)).reshape(3, 1, 1) ** 2.4
    expected = apply_matrix(rgb_to_rgb(BT2020, BT709), light) ** (1 / 2.4)
    out = bt2446a.sdr_from_hdr(backend.asarray(rgb).reshape(3, 1, 1))
    np.testing.assert_allclose(out, expected, rtol=0, atol=backend.tolerance(1e-13, 2e-6))


def test_light_over_the_peak_is_the_peaks():
    np.testing.assert_array_equal(
        bt2446a.sdr_from_hdr(np.full((3, 1, 1), 4000.0)), bt2446a.sdr_from_hdr(np.full((3, 1, 1), 1000.0))
    )
