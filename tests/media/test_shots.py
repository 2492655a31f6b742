import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.media.video.shots import find_shots, signature


def frames(levels, noise=0.01):
    rng = np.random.default_rng(0)
    return [np.clip(level + noise * rng.standard_normal((3, 16, 16)), 0, 1).astype(np.float32) for level in levels]


def test_cuts_are_found():
    signatures = [signature(frame) for frame in frames([0.2] * 10 + [0.6] * 7 + [0.4] * 5)]
    assert find_shots(signatures) == [range(10), range(10, 17), range(17, 22)]


def test_a_slow_fade_is_one_shot():
    signatures = [signature(frame) for frame in frames(np.linspace(0.2, 0.6, 40))]
    assert find_shots(signatures) == [range(40)]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_shots_are_all_frames_in_order(levels):
    shots = find_shots([signature(frame) for frame in frames(levels)])
    assert [number for shot in shots for number in shot] == list(range(len(levels)))
