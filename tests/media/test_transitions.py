"""Fades and dissolves are found where they are; pans, flashes, cuts and changes of brightness are none."""

import numpy as np
import pytest
from PIL import Image

from lumaflux.media.video.transitions import TransitionFinder, find_transitions, thumbnail


def scene(seed, width=96):
    low = np.random.default_rng(seed).uniform(0.1, 0.9, (6, width // 10)).astype(np.float32)
    return np.asarray(Image.fromarray(low).resize((width, 54), Image.Resampling.BICUBIC)).clip(0, 1)


def still(seed, frames, noise=0.01):
    rng = np.random.default_rng(100 + seed)
    return [(scene(seed) + noise * rng.standard_normal((54, 96))).clip(0, 1) for _ in range(frames)]


def mixed(one, other, frames):
    shares = (np.arange(frames) + 1) / (frames + 1)
    return [(1 - share) * one + share * other for share in shares]


def found(frames):
    return find_transitions([thumbnail(np.stack([f] * 3).astype(np.float32)) for f in frames])


@pytest.mark.parametrize("length", [5, 8, 12, 20, 25, 40])
@pytest.mark.parametrize("seed", range(4))
def test_a_dissolve_is_found(length, seed):
    one, other = still(seed, 30), still(seed + 50, 30)
    (transition,) = found(one + mixed(one[-1], other[0], length) + other)
    assert transition.kind == "dissolve"
    assert abs(transition.first - 30) <= 2
    assert abs(transition.last - (29 + length)) <= 2


@pytest.mark.parametrize("length", [8, 12, 25])
@pytest.mark.parametrize("level", [0.0, 16 / 255])
def test_a_fade_through_black_is_two(length, level):
    one, other, black = still(1, 30), still(2, 30), np.full((54, 96), level)
    frames = one + mixed(one[-1], black, length) + [black] * 6 + mixed(black, other[0], length) + other
    out, back = found(frames)
    assert (out.kind, back.kind) == ("fade-out", "fade-in")
    assert abs(out.first - 30) <= 2
    assert abs(back.last - (len(frames) - 31)) <= 2


@pytest.mark.parametrize("speed", [0, 1, 2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_pans_and_stills_are_none(seed, speed):
    wide = scene(seed, 96 + speed * 90)
    assert found([wide[:, speed * n : speed * n + 96] for n in range(90)]) == []


def test_cuts_flashes_and_changes_of_brightness_are_none():
    one, other = still(3, 30), still(4, 30)
    assert found(one + other) == []
    assert found([*one, np.ones((54, 96)), *one]) == []
    assert found([*one, *(one[-1] * gain for gain in np.linspace(1, 0.4, 25)), *(frame * 0.4 for frame in one)]) == []


def test_short_and_tiny_clips_have_none():
    assert found(still(0, 1)) == []
    assert find_transitions([]) == []
    assert thumbnail(np.zeros((3, 1, 1), np.float32)).luma.shape == (1,)


def test_what_is_found_before_the_end_is_what_is_found_in_the_whole():
    one, other, black = still(1, 30), still(2, 95), np.full((54, 96), 0.0)
    frames = one + mixed(one[-1], other[0], 12) + other + mixed(other[-1], black, 20) + [black] * 9
    whole, finder = found(frames), TransitionFinder()
    assert [one.kind for one in whole] == ["dissolve", "fade-out"]
    told = []
    for frame in frames:
        finder.add(thumbnail(np.stack([frame] * 3).astype(np.float32)))
        known = finder.known_until()
        assert [one for one in whole if one.first < known] == [one for one in finder.found if one.first < known]
        told.append(len(finder.found))
    assert told.index(1) <= whole[0].last + 83
    assert told[-1] == 1
    assert finder.all() == finder.all() == whole
