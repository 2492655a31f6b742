import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lumaflux.lab.evaluation.report.bootstrap import RESAMPLES, intervals, scene_draws

VALUES = hnp.arrays(np.float64, (2, 9), elements=st.floats(-100, 100) | st.just(np.nan))
SCENES = np.array([0, 0, 0, 1, 1, 2, 2, 3, 3])
FEW = 400


def test_every_resample_draws_as_many_scenes_as_there_are():
    draws = scene_draws(7)
    assert draws.shape == (RESAMPLES, 7)
    assert (draws.sum(axis=1) == 7).all()
    assert draws.mean() == 1.0
    assert abs(draws.mean(axis=0) - 1).max() < 0.05


def test_it_is_the_plain_bootstrap_written_as_a_loop():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(1, 9))
    draws = scene_draws(4, FEW)
    means = []
    for draw in draws:
        chosen = [
            clip for scene in range(4) for _ in range(int(draw[scene])) for clip in np.flatnonzero(scene == SCENES)
        ]
        means.append(values[0, chosen].mean())
    found = intervals(values, SCENES, resamples=FEW)
    assert found.low[0] == pytest.approx(np.quantile(means, 0.025), abs=1e-12)
    assert found.high[0] == pytest.approx(np.quantile(means, 0.975), abs=1e-12)
    assert found.mean[0] == pytest.approx(values.mean(), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_ends_are_in_order_and_inside_the_values(values):
    found = intervals(values, SCENES, resamples=FEW)
    for row in range(2):
        finite = values[row][np.isfinite(values[row])]
        if found.scenes[row] < 2:
            assert np.isnan(found.low[row])
        else:
            assert finite.min() - 1e-9 <= found.low[row] <= found.high[row] <= finite.max() + 1e-9
        assert found.clips[row] == finite.size


@settings(max_examples=60, deadline=None)
@given(VALUES, st.floats(0.1, 10), st.floats(-1000, 1000))
def test_scaling_and_shifting_the_scores_scales_and_shifts_the_interval(values, scale, shift):
    before, after = (intervals(v, SCENES, resamples=FEW) for v in (values, scale * values + shift))
    for name in ("mean", "low", "high"):
        np.testing.assert_allclose(getattr(after, name), scale * getattr(before, name) + shift, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(VALUES, st.permutations(range(9)))
def test_the_order_of_clips_does_not_matter(values, order):
    before, after = intervals(values, SCENES, resamples=FEW), intervals(values[:, order], SCENES[order], resamples=FEW)
    np.testing.assert_allclose(after.low, before.low, atol=1e-9)
    np.testing.assert_allclose(after.high, before.high, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_a_row_swapped_in_sign_has_its_interval_mirrored(values):
    before, after = intervals(values, SCENES, resamples=FEW), intervals(-values, SCENES, resamples=FEW)
    np.testing.assert_allclose(after.low, -before.high, atol=1e-9)


def test_more_clips_of_the_same_scenes_promise_nothing():
    rng = np.random.default_rng(2)
    of_scene = rng.normal(size=8)
    once = intervals(of_scene[None], np.arange(8))
    often = intervals(np.repeat(of_scene, 50)[None], np.repeat(np.arange(8), 50))
    assert often.low[0] == pytest.approx(once.low[0], abs=1e-12)
    as_if_independent = intervals(np.repeat(of_scene, 50)[None], np.arange(400))
    assert as_if_independent.high[0] - as_if_independent.low[0] < 0.25 * (once.high[0] - once.low[0])


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    truth, trials, scenes, clips = 5.0, 300, 30, 4
    values = truth + rng.normal(size=(trials, scenes, 1)) + 0.5 * rng.normal(size=(trials, scenes, clips))
    found = intervals(values.reshape(trials, -1), np.repeat(np.arange(scenes), clips), resamples=2000)
    covered = np.mean((found.low <= truth) & (truth <= found.high))
    assert 0.90 <= covered <= 0.98


def test_under_six_scenes_nothing_is_called_significant():
    for scenes, verdict in ((5, False), (6, True)):
        found = intervals(np.linspace(1.0, 1.1, scenes)[None], np.arange(scenes))
        assert found.low[0] > 0
        assert found.verdict(0) is verdict


def test_a_difference_around_zero_is_not_significant():
    found = intervals(np.array([[-1.0, 1.0] * 5]), np.arange(10))
    assert not found.verdict(0)


def test_the_same_scores_give_the_same_interval():
    values = np.random.default_rng(4).normal(size=(3, 9))
    first, second = intervals(values, SCENES), intervals(values, SCENES)
    assert (first.low == second.low).all()
    assert (first.high == second.high).all()


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        intervals(np.zeros((2, 3)), np.zeros(4, dtype=np.int64))
