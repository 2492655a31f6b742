"""The fitted static curve: monotone, better than placement on its own pairs, exact where one curve suffices."""

import numpy as np
import pytest

from engine.color import bt1886, pq
from engine.color.placement import static_placement
from engine.color.primaries import luminance
from engine.evaluation.static_curve import Family, fit_static_curve, isotonic


def pairs(family: Family = "channel") -> list[tuple[np.ndarray, np.ndarray]]:
    """SDR and an HDR rendition by a curve on each channel, or on luminance, plus noise."""
    rng = np.random.default_rng(0)
    sdr = np.round(rng.random((4, 3, 32, 32)) * 255) / 255
    placed = pq.eotf(static_placement(sdr)) / 203
    level = placed if family == "channel" else luminance(placed)
    hdr = pq.inverse_eotf(placed * (60 + 800 * level**2))
    return [(sdr.astype(np.float32), (hdr + rng.normal(scale=0.01, size=hdr.shape)).clip(0, 0.7518).astype(np.float32))]


def test_isotonic_pools_violators():
    np.testing.assert_allclose(isotonic(np.array([1.0, 3.0, 2.0]), np.array([1.0, 1.0, 3.0])), [1.0, 2.25, 2.25])


@pytest.mark.parametrize("family", ["channel", "luma"])
def test_curve_is_monotone_and_beats_placement_on_its_pairs(family: Family):
    material = pairs(family)
    curve = fit_static_curve(material, family)
    assert (np.diff(curve.pq) >= 0).all()
    assert (np.diff(curve.signal) > 0).all()
    sdr, hdr = material[0]
    fitted = np.square(curve(sdr) - hdr).mean()
    assert fitted < 0.5 * np.square(static_placement(sdr) - hdr).mean()


def test_channel_curve_recovers_a_channel_curve():
    sdr, hdr = pairs()[0]
    curve = fit_static_curve([(sdr, hdr)], "channel")
    assert np.sqrt(np.square(curve(sdr) - hdr).mean()) < 0.012  # the noise's deviation is 0.01


def test_luma_curve_keeps_grey_grey_and_black_dark():
    curve = fit_static_curve(pairs("luma"), "luma")
    grey = np.broadcast_to(np.linspace(0, 1, 64, dtype=np.float32), (3, 1, 64))
    out = curve(grey)
    assert np.ptp(out, axis=0).max() < 1e-4
    assert np.isfinite(out).all()


def test_no_pixels():
    with pytest.raises(ValueError, match="no pixels"):
        fit_static_curve([], "channel")


def test_signal_axis_is_bt1886_of_bt2020_light():
    sdr = np.full((1, 3, 8, 8), 0.5, dtype=np.float32)
    curve = fit_static_curve([(sdr, np.full((1, 3, 8, 8), 0.4, dtype=np.float32))], "channel")
    assert curve.signal[0] == pytest.approx(bt1886.inverse_eotf(np.array(0.5**2.4), white_nits=1.0), abs=1e-5)
    assert curve.pq[0] == pytest.approx(0.4, abs=1e-6)
