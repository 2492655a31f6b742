"""The drawn clips of shot detection: what is found on them, and how finds are counted."""

import numpy as np

from lumaflux.lab.bench.shots import KINDS, DrawnClip, drawn_clips, own, score, table


def test_most_events_are_found_and_nothing_ends_in_a_pan_or_a_change_of_brightness():
    scores = score(list(drawn_clips(2)), own)
    assert scores["cut"].recall == scores["cut"].precision == 1.0
    assert scores["pan"].precision == scores["brightness"].precision == 1.0
    assert scores["dissolve"].recall >= 0.5
    assert scores["fade"].recall >= 0.5


def test_finds_are_counted_once_inside_an_event_and_are_false_outside():
    frames = np.zeros((4, 2, 2, 3), np.uint8)
    clips = [DrawnClip("dissolve", frames, (10, 20)), DrawnClip("pan", frames, None)]
    scores = score(clips, lambda _: [9, 15, 40])
    assert scores["dissolve"].recall == 1.0
    assert scores["dissolve"].precision == 0.5
    assert scores["pan"].precision == 0.0
    assert scores["all"].precision == 0.2
    assert len(table(clips, {"one": lambda _: []}).splitlines()) == 3
    assert set(scores) == {*KINDS, "all"}
