"""The mastering convention: exposure, shoulder, colour ratios."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import pq
from lumaflux.lab.data.mastering import PEAK_NITS, exposure_gain, master_gain, master_pq, shoulder


def grey(nits: list[float]) -> np.ndarray:
    return np.tile(np.array(nits, dtype=np.float64)[None, None], (3, 1, 1))


def test_light_up_to_600_nit_stays_as_it_is():
    light = grey([0.0, 1e-3, 20.0, 599.0, 600.0])
    np.testing.assert_allclose(shoulder(light), light, rtol=1e-12)


def test_shoulder_follows_its_formula():
    np.testing.assert_allclose(
        shoulder(grey([1000.0, 4000.0]))[0, 0],
        [600 + 400 * (1 - np.exp(-1.0)), 600 + 400 * (1 - np.exp(-8.5))],
        rtol=1e-12,
    )


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_shoulder_is_monotone_and_bounded(a: float, b: float):
    low, high = shoulder(grey(sorted((a, b))))[0, 0]
    assert low <= high + 1e-9
    assert high <= PEAK_NITS * (1 + 1e-12)


def test_shoulder_keeps_colour_ratios():
    colour = np.array([2400.0, 600.0, 1200.0]).reshape(3, 1, 1)
    mapped = shoulder(colour)
    np.testing.assert_allclose(mapped / mapped[0], colour / colour[0], rtol=1e-12)


def test_log_average_of_the_central_98_percent_goes_to_20_nit():
    rng = np.random.default_rng(0)
    luminance = np.exp(rng.normal(size=(1, 100, 100))).astype(np.float32)
    plain = exposure_gain(luminance)
    central = np.sort(luminance, axis=None)[100:-100]
    assert np.exp(np.log(central * plain).mean()) == pytest.approx(20.0, rel=1e-5)
    luminance.reshape(-1)[luminance.argmax()] = 1e9  # a sun among the outer 2 % changes nothing
    assert exposure_gain(luminance) == pytest.approx(plain, rel=1e-6)


def test_black_picture_has_no_exposure():
    with pytest.raises(ValueError, match="black"):
        exposure_gain(np.zeros((1, 4, 4), dtype=np.float32))


def test_master_is_pq_of_at_most_1000_nit():
    light = np.exp(np.random.default_rng(1).normal(scale=3, size=(3, 32, 32))).astype(np.float32)
    master = master_pq(light, master_gain(light))
    assert master.dtype == np.float32
    assert pq.eotf(master.astype(np.float64)).max() <= PEAK_NITS * (1 + 1e-5)
