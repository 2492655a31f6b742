import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import pq
from lumaflux.lab.evaluation.report.score_arrays import score_arrays
from lumaflux.lab.evaluation.report.svg import shortened, ticks
from lumaflux.lab.evaluation.report.tracks import clips_to_show, draw_tracks, light_range, track_distance


def tracks(prediction, reference):
    return {"prediction": {"p99": prediction, "p50": [10.0]}, "reference": {"p99": reference, "p50": [10.0]}}


def test_the_distance_is_in_pq():
    step = float(np.diff(pq.inverse_eotf(np.array([100.0, 200.0])))[0])
    assert track_distance(tracks([200.0, 100.0], [100.0, 100.0])) == pytest.approx(step / 2, abs=1e-12)
    assert math.isnan(track_distance({"prediction": {}, "reference": {}}))


def test_the_hardest_clips_are_shown_one_a_scene(sample):
    scores = score_arrays(sample.records)
    shown = clips_to_show(scores, 3)
    assert len({clip.split("/")[0] for clip in shown}) == 3
    assert len(clips_to_show(scores, 100)) == 8


def test_a_frame_without_a_level_is_left_out_of_the_line():
    one = tracks([100.0, None, 300.0], [100.0, 100.0, 100.0])
    low, high = light_range([one])
    least, most = pq.inverse_eotf(np.array([10.0, 300.0]))
    assert low < least < most < high
    lines = ElementTree.fromstring(draw_tracks(one, "m", 0, (low, high))).iter("polyline")
    counts = {tuple(line.attrib["class"].split()): len(line.attrib["points"].split()) for line in lines}
    assert counts == {("line", "p99"): 2, ("line", "p50"): 1}


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_even_and_inside(low, span):
    high = low + span
    marks = ticks(low, high)
    assert 0 < len(marks) <= 7 or high == low or span < 1e-9 * abs(low)
    slack = 1e-6 * span + 4 * math.ulp(max(abs(low), abs(high)))
    assert all(low - slack <= mark <= high + slack for mark in marks)


@given(st.text(max_size=60), st.integers(3, 40))
def test_a_shortened_name_keeps_both_ends(text, length):
    short = shortened(text, length)
    assert len(short) <= max(length, min(len(text), length))
    assert short[:1] == text[:1]
    assert short[-1:] == text[-1:]
