import numpy as np
import pytest

from lumaflux.color import pq
from lumaflux.lab.evaluation.report.tone_curves import draw_tone_curve, tone_curve


def grey(values):
    return np.broadcast_to(values, (3, *values.shape)).astype(np.float32)


def test_a_global_curve_is_found_again_with_an_empty_band():
    sdr = np.linspace(0, 1, 256 * 64).reshape(256, 64)
    nits = 0.01 + 200 * sdr**2.4
    curve = tone_curve(grey(sdr), grey(pq.inverse_eotf(nits)))
    expected = pq.inverse_eotf(0.01 + 200 * (curve.codes / 255) ** 2.4)
    assert curve.codes.size == 64
    np.testing.assert_allclose(curve.median, expected, atol=0.004)
    assert (curve.p90 - curve.p10).max() < 0.03
    assert (curve.p10 <= curve.median).all()


def test_the_band_holds_eight_tenths_of_a_spread():
    sdr = np.full((100, 100), 0.5)
    signal = np.linspace(0.2, 0.6, 10_000).reshape(100, 100)
    curve = tone_curve(grey(sdr), grey(signal))
    assert curve.codes.tolist() == [129.5]
    np.testing.assert_allclose([curve.p10[0], curve.median[0], curve.p90[0]], [0.24, 0.4, 0.56], atol=1e-3)


def test_few_pixels_say_nothing():
    curve = tone_curve(grey(np.full((3, 3), 0.5)), grey(np.full((3, 3), 0.5)))
    assert curve.codes.size == 0
    assert "svg" in draw_tone_curve(curve, curve, "m", 0)


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="differ in size"):
        tone_curve(grey(np.zeros((3, 3))), grey(np.zeros((4, 3))))
