"""`lumaflux analyze`: shots and tones of a clip; one pass, deterministic, the same whatever is rendered later."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import engine
from engine.analysis import KEY_INTERVAL, analyze, check_clip, track_of
from engine.errors import UserError
from engine.settings import Settings


@pytest.fixture(scope="module")
def converter():
    loaded = engine.load("tiny", device="cpu")
    head = loaded.backend.network.adapters.tone.head[-1]  # zero at initialisation: every frame would have one curve
    torch.nn.init.normal_(head.weight, std=3.0, generator=torch.Generator().manual_seed(0))
    return loaded


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "clip.bin"
    path.write_bytes(b"a clip")
    return path


def pictures(levels, seed=0):
    rng = np.random.default_rng(seed)
    texture = 0.1 * rng.standard_normal((3, 32, 48))
    return [np.clip(level + texture, 0, 1).astype(np.float32) for level in levels]


def test_shots_have_keys_of_their_own(converter, source):
    levels = [0.2] * 30 + [0.7] + [0.4] * 14
    track = track_of(pictures(levels), converter, Settings(), source, "tiny")
    assert [(shot.first, shot.last) for shot in track.shots] == [(0, 29), (30, 30), (31, 44)]
    keys = [[key.frame for key in shot.keys] for shot in track.shots]
    assert keys == [[0, 12, 24, 29], [30], [31, 36, 44]]
    assert all(b - a <= KEY_INTERVAL for shot in keys for a, b in itertools.pairwise(shot))


@pytest.mark.parametrize("levels", [[0.5], [0.0] * 3, [0.1, 0.9], [0.9] * 5 + [0.0]])
def test_short_black_and_flashing_clips_have_a_tone_at_every_frame(converter, source, levels):
    frames = pictures(levels)
    track = track_of(frames, converter, Settings(), source, "tiny")
    assert track.clip.frames == len(levels)
    for number, frame in enumerate(frames):
        assert np.isfinite(converter.render(frame, tone=track.tone_at(number))).all()


def test_a_steady_shot_takes_one_tone_and_a_cut_takes_another(converter, source):
    track = track_of(pictures([0.2] * 13 + [0.8] * 13), converter, Settings(), source, "tiny")
    for frame in range(13):
        torch.testing.assert_close(track.tone_at(frame).knots.y, track.tone_at(0).knots.y)
    own = converter.tone_of(pictures([0.8])[0]).knots.y
    torch.testing.assert_close(track.tone_at(13).knots.y, own)


def test_the_own_tone_of_a_frame_changes_nothing(converter):
    frame = pictures([0.4])[0]
    assert np.array_equal(converter.render(frame, tone=converter.tone_of(frame)), converter.render(frame))


def test_another_tone_changes_the_frame(converter):
    dark, bright = pictures([0.2, 0.7])
    assert not np.array_equal(converter.render(dark, tone=converter.tone_of(bright)), converter.render(dark))


def test_analysis_repeats_itself_to_the_bit(converter, source):
    frames = pictures(np.linspace(0.2, 0.5, 20))
    one, two = (track_of(iter(frames), converter, Settings(), source, "tiny") for _ in range(2))
    assert one == two


def test_a_clip_without_frames_is_refused(converter, source):
    with pytest.raises(UserError, match="no frames"):
        track_of([], converter, Settings(), source, "tiny")


def test_a_track_of_another_file_is_refused(converter, source, tmp_path):
    track = track_of(pictures([0.5]), converter, Settings(), source, "tiny")
    check_clip(track, source)
    other = tmp_path / "other.bin"
    other.write_bytes(b"another")
    with pytest.raises(UserError, match="another file"):
        check_clip(track, other)


def test_a_real_clip_is_analyzed_whole(converter):
    example = Path(__file__).parents[1] / "examples" / "rooftop-sdr.mp4"
    seen = []
    track = analyze(example, converter, replace(Settings(), steps=1), lambda done, total: seen.append(done))
    assert track.clip.frames == len(seen) == 72
    assert [(shot.first, shot.last) for shot in track.shots] == [(0, 71)]
