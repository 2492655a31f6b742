import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import pu21
from lumaflux.lab.evaluation.metrics.flicker import LightTracks, band_power


def flat(nits):
    return torch.full((1, 3, 6, 10), float(nits), dtype=torch.float64)


def of_levels(test, reference, frame_rate=24.0):
    """Scores of clips of flat frames, of these levels in PU21 units."""
    tracks = LightTracks(frame_rate)
    for one, other in zip(test, reference, strict=True):
        tracks.add(flat(pu21.decode(np.float64(one))), flat(pu21.decode(np.float64(other))))
    return tracks.scores()


def test_a_constant_error_is_no_flicker_and_a_jump_is():
    reference = np.array([200.0, 210.0, 190.0, 220.0])
    steady = of_levels(reference + 5, reference)
    assert steady["flicker"] == pytest.approx(0, abs=1e-4)
    assert steady["p99_track_error"] == pytest.approx(5, abs=1e-4)
    assert steady["p50_track_error"] == pytest.approx(5, abs=1e-4)
    jumping = of_levels(reference + np.array([0, 6, 0, 0]), reference)
    assert jumping["flicker"] == pytest.approx((6 + 6 + 0) / 3, abs=1e-4)
    assert jumping["p99_track_error"] == pytest.approx(6 / 4, abs=1e-4)


def test_tracks_are_quantiles_in_nits():
    light = torch.arange(1.0, 102.0).view(1, 1, 1, 101).expand(1, 3, 1, 101)
    tracks = LightTracks(24)
    tracks.add(2 * light, light)
    found = tracks.tracks()
    assert found["reference"] == {"mean": [pytest.approx(51)], "p50": [pytest.approx(51)], "p99": [pytest.approx(100)]}
    assert found["prediction"]["p99"] == [pytest.approx(200)]
    assert set(tracks.scores().values()) == {None}


@given(st.sampled_from([4.0, 6.0, 10.0]), st.floats(0.1, 3), st.floats(-1, 1))
def test_a_sine_inside_the_band_has_half_its_square(hertz, amplitude, slope):
    time = np.arange(96) / 24
    values = amplitude * np.sin(2 * np.pi * hertz * time) + slope * time + 3
    assert band_power(values, 24.0) == pytest.approx(amplitude**2 / 2, rel=0.02)


def test_what_lies_outside_the_band_does_not_count():
    time = np.arange(240) / 60
    assert band_power(np.sin(2 * np.pi * 0.5 * time), 60.0) < 0.005
    assert band_power(np.sin(2 * np.pi * 25 * time), 60.0) < 1e-6


def test_a_clip_too_short_or_too_slow_has_no_spectrum():
    assert band_power(np.zeros(23), 24.0) is None
    assert band_power(np.zeros(24), 24.0) == 0
    assert band_power(np.zeros(100), 3.0) is None
    assert of_levels([1.0, 2.0], [1.0, 2.0])["flicker_spectrum"] is None
