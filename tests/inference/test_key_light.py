"""Highlights on key frames: what a tone track stores of them, and how far frames between are from their own."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

import lumaflux
from lumaflux.color import pq
from lumaflux.color.ictcp import rgb_to_ictcp
from lumaflux.inference.highlights import LARGEST_RECOVERY
from lumaflux.inference.key_light import LightKey, bright, has_changed, stops_at
from lumaflux.inference.tone_track import ToneTrack, text_of
from lumaflux.render.analysis import KEY_INTERVAL, track_of
from lumaflux.settings import Settings

HALF_A_CODE = 0.5 * LARGEST_RECOVERY / 255


@pytest.fixture(scope="module")
def converter():
    torch.set_num_threads(1)
    return lumaflux.load("lite", device="cpu")


@pytest.fixture(scope="module")
def frames():
    """A lamp that drifts over a textured wall: 14 frames [3,H,W] of 8 bits."""
    rng = np.random.default_rng(3)
    wall = 0.35 + 0.08 * rng.standard_normal((3, 72, 128 + 14))
    y, x = np.mgrid[:72, :128]
    made = []
    for n in range(14):
        glow = np.exp(-((x - 40 - n) ** 2 + (y - 30) ** 2) / (2 * 9.0**2))
        made.append(np.clip(wall[:, :, n : n + 128] + 1.2 * glow, 0, 1).astype(np.float32))
    return [np.round(255 * frame) / np.float32(255) for frame in made]


@pytest.fixture(scope="module")
def track(converter, frames, tmp_path_factory):
    source = tmp_path_factory.mktemp("clip") / "clip.bin"
    source.write_bytes(b"a clip")
    return track_of(frames, converter, Settings(), source, "lite")


def test_stored_stops_are_right_to_half_a_code():
    stops = LARGEST_RECOVERY * torch.rand(1, 1, 9, 16, generator=torch.Generator().manual_seed(0))
    key = LightKey.model_validate_json(LightKey.of(7, stops).model_dump_json())
    torch.testing.assert_close(key.grid(), stops, rtol=0, atol=1.01 * HALF_A_CODE)


def test_between_keys_stops_move_in_a_straight_line_and_before_the_first_there_are_none():
    keys = [LightKey.of(4, torch.zeros(1, 1, 2, 3)), LightKey.of(8, torch.full((1, 1, 2, 3), LARGEST_RECOVERY))]
    assert stops_at(keys, 3) is None
    assert stops_at([], 3) is None
    for frame, share in ((4, 0.0), (5, 0.25), (8, 1.0), (20, 1.0)):
        torch.testing.assert_close(stops_at(keys, frame), torch.full((1, 1, 2, 3), share * LARGEST_RECOVERY))


@pytest.mark.parametrize("change", [{"stops": "?"}, {"rows": 3}, {"rows": 1}, {"columns": 1 << 20}, {"stops": "AAAA"}])
def test_a_damaged_grid_is_refused(change):
    whole = LightKey.of(0, torch.ones(1, 1, 2, 3)).model_dump()
    with pytest.raises(ValidationError):
        LightKey(**{**whole, **change})


def test_highlights_that_move_are_a_change_and_noise_is_none(frames):
    first, last = (bright(torch.from_numpy(frames[n])[None]) for n in (0, 13))
    assert has_changed(None, first)
    assert has_changed(first, last)
    assert not has_changed(first, first)
    dark = torch.zeros_like(first)
    dark[..., 0, 0] = 1.0
    assert not has_changed(torch.zeros_like(first), dark)


def test_a_track_has_highlights_at_least_at_every_key_of_tone(track):
    shot = track.shots[0]
    lit = [light.frame for light in shot.lights]
    assert {key.frame for key in shot.keys} <= set(lit)
    assert max(np.diff(lit)) <= KEY_INTERVAL
    assert len(lit) > len(shot.keys)
    assert max(float(light.grid().max()) for light in shot.lights) > 0.2
    assert ToneTrack.model_validate_json(text_of(track)) == track


def test_frames_between_keys_are_near_those_that_ask_the_network(converter, frames, track):
    off = []
    for number, frame in enumerate(frames):
        tone = track.tone_at(number)
        keyed = converter.render(frame, tone=tone)
        every = converter.render(frame, tone=type(tone)(placement=tone.placement, knots=tone.knots, area=tone.area))
        both = [rgb_to_ictcp(pq.eotf(picture)) for picture in (keyed, every)]
        scale = np.array([1.0, 0.5, 1.0])[:, None, None]  # BT.2124: Ct counts half
        off.append(float((720 * np.sqrt((((both[0] - both[1]) * scale) ** 2).sum(axis=0))).mean()))
    assert np.mean(off) <= 0.3, off
    assert max(off) > 0, "the stops of the track were not taken"
    assert np.abs(np.diff(off, 2)).mean() <= 0.1, off


def test_every_frame_takes_no_highlights_of_the_track(track):
    from lumaflux.render.tones import Tones

    assert Tones(track).at(5, Settings())[1].stops is not None
    assert Tones(track, every_frame=True).at(5, Settings())[1].stops is None


def test_without_lights_a_track_holds_none(converter, frames, tmp_path):
    source = tmp_path / "clip.bin"
    source.write_bytes(b"a clip")
    bare = track_of(frames[:3], converter, Settings(), source, "lite", lights=False)
    assert not bare.shots[0].lights
    assert bare.tone_at(1).stops is None
