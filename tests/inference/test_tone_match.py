"""Tones led to a reference: what a change finds, its bounds, and that curves stay monotone."""

import numpy as np
import pytest
import torch

from lumaflux.color import pq
from lumaflux.inference.tone_match import LEVELS, Change, change_of_a_grade, change_of_a_scene, led, stops_of
from lumaflux.model.spline import PEAK_PQ
from lumaflux.model.tone_predictor import ToneCurve, curve_table, knots_through

RNG = np.random.default_rng(3)
OWN = RNG.uniform(-7, 0.5, 4000)


@pytest.fixture(scope="module")
def placement():
    """Static placement at reference white, in 32 bins."""
    white = float(pq.inverse_eotf(torch.tensor(203.0)))
    knots, top = knots_through(torch.linspace(0, white, 33)[None])
    return ToneCurve(knots=knots, floor=torch.zeros(1), top=top, by_channel=torch.zeros(1), matrix=torch.eye(3)[None])


def test_the_change_of_a_scene_is_found():
    """0.8 stops brighter with softer contrast, and noise: to 0.1 stop wherever there are pixels."""
    wanted = OWN + 0.8 - 0.1 * (OWN + 3) + RNG.normal(0, 0.3, OWN.shape)
    change = change_of_a_scene(OWN, wanted)
    levels = np.linspace(-6.5, 0, 20)
    assert np.abs(np.interp(levels, LEVELS, change.stops) - (0.8 - 0.1 * (levels + 3))).max() < 0.1
    assert not change.bounded


def test_the_same_light_changes_nothing():
    assert np.abs(change_of_a_scene(OWN, OWN).stops).max() < 1e-9
    assert np.abs(change_of_a_grade(OWN, OWN).stops).max() < 1e-9


def test_a_grade_of_another_picture_is_followed_within_a_stop():
    other = RNG.uniform(-7, 0.5, 900)
    assert change_of_a_grade(OWN, other + 0.5).at_mid_grey == pytest.approx(0.5, abs=0.1)
    far = change_of_a_grade(OWN, other + 4)
    assert far.bounded
    assert max(far.stops) <= 1.0
    assert change_of_a_scene(OWN, OWN - 5).at_mid_grey == pytest.approx(-2.0)


@pytest.mark.parametrize("seed", range(4))
def test_led_curves_rise_and_stay_below_the_peak(placement, seed):
    rng = np.random.default_rng(seed)
    own = rng.uniform(-10, 2.3, 500)
    change = change_of_a_scene(own, rng.uniform(-10, 2.3) + rng.uniform(-3, 3) * own)
    table = curve_table(led(placement, change), 4096)[0]
    assert (table.diff() >= 0).all()
    assert float(table[-1]) <= PEAK_PQ + 1e-6


def test_light_moves_by_as_many_stops_as_were_asked(placement):
    change = Change((0.5,) * len(LEVELS))
    before, after = (pq.eotf(curve_table(one, 512)[0][100:]) for one in (placement, led(placement, change)))
    assert np.abs(torch.log2(after / before).numpy() - 0.5).max() < 0.05
    assert led(placement, Change((0.0,) * len(LEVELS))) is placement


def test_black_has_a_floor():
    assert stops_of(np.array([0.0, 203.0])).tolist() == [LEVELS[0], 0.0]
