"""Blending of gain maps: flicker falls, stills and greys stay, what a neighbour does not show keeps its own light."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from moving_pictures import HEIGHT, MARGIN, WIDTH, moved, needs_opencv, texture

import lumaflux
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.inference import gain_blending
from lumaflux.inference.gain_blending import REACH, FrameGain, with_tone_of_the_shot
from lumaflux.inference.motion import motion
from lumaflux.settings import Settings

NEAR = [distance for distance in range(-REACH, REACH + 1) if distance]


def light_of(sdr, gain):
    base_pq = sdr_to_pq(sdr)
    return FrameGain(reduced=sdr, base_pq=base_pq, hdr_pq=base_pq, gain=gain, placement=None)


def blended(own, neighbours, amount):
    near = {far: (light, motion(own.reduced, light.reduced)[0]) for far, light in neighbours.items()}
    return gain_blending.blended(own, near, amount)


def pan(seed, step, frames, noise, generator):
    """Lights of a moving picture whose gain moves with it, but for noise of ``noise`` stops in every frame."""
    wide = texture(seed, HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
    gains = 2 * texture(seed + 50, HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
    lights, truth = [], []
    for frame in range(frames):
        offset = step * (frame - frames // 2)
        truth.append(moved(gains, offset, 0))
        flicker = noise * torch.randn(1, 3, HEIGHT, WIDTH, generator=generator)
        lights.append(light_of(moved(wide, offset, 0), truth[-1] + flicker))
    return lights, truth


@pytest.fixture(scope="module")
def converter():
    return lumaflux.load("tiny", device="cpu")


@needs_opencv
def test_noise_falls_along_the_motion_and_the_gain_stays():
    generator = torch.Generator().manual_seed(0)
    lights, truth = pan(7, 3.0, 2 * REACH + 1, 0.1, generator)
    own, inner = lights[REACH], (..., slice(12, -12), slice(12, -12))
    made = blended(own, {near: lights[REACH + near] for near in NEAR}, 1.0)
    before, after = ((light.gain - truth[REACH])[inner].std() for light in (own, made))
    assert before == pytest.approx(0.1, rel=0.05)
    assert after < 0.55 * before
    still = blended(
        replace(own, gain=truth[REACH]), {n: replace(lights[REACH + n], gain=truth[REACH + n]) for n in NEAR}, 1.0
    )
    assert (still.gain - truth[REACH])[inner].abs().mean() < 0.005


def test_a_shot_says_how_bright_its_frames_are(converter):
    frame = texture(3)[0]
    light, _ = converter.light_timed(frame, Settings(steps=1))
    assert with_tone_of_the_shot(light, 0.0) is light
    before = light.gain.mean()
    for share in (0.4, 1.0):
        placed = with_tone_of_the_shot(light, share)
        torch.testing.assert_close(placed.gain.mean(), (1 - share) * before, atol=1e-5, rtol=0)
        torch.testing.assert_close(placed.gain[:, 0] - placed.gain[:, 1], light.gain[:, 0] - light.gain[:, 1])
    assert (with_tone_of_the_shot(light, 1.0).hdr_pq.mean() < light.hdr_pq.mean()) == (before > 0)


@needs_opencv
def test_the_amount_is_between_nothing_and_all():
    lights, _ = pan(8, 2.0, 3, 0.1, torch.Generator().manual_seed(1))
    near = {-1: lights[0], 1: lights[2]}
    none, half, whole = (blended(lights[1], near, amount).gain for amount in (0.0, 0.5, 1.0))
    assert torch.equal(none, lights[1].gain)
    changes = [(gain - lights[1].gain).abs().mean() for gain in (half, whole)]
    assert 0 < changes[0] < changes[1]


@needs_opencv
def test_equal_frames_stay_as_they_are():
    light = light_of(texture(9), texture(10))
    made = blended(light, dict.fromkeys(NEAR, light), 1.0)
    assert (made.gain - light.gain).abs().max() < 1e-4
    assert (made.hdr_pq - light.hdr_pq).abs().max() < 1e-4


@needs_opencv
def test_another_picture_has_no_share():
    """As after a cut that the track missed."""
    own, other = (
        light_of(texture(11), torch.zeros(1, 3, HEIGHT, WIDTH)),
        light_of(texture(12), torch.ones(1, 3, HEIGHT, WIDTH)),
    )
    assert blended(own, {1: other}, 1.0).gain.mean() < 0.05


@needs_opencv
def test_uncovered_ground_keeps_its_own_light():
    """A bright square in front of a wall moves on: its gain leaves no ghost where it was, nor where it will be."""
    wall, patch = texture(13), texture(14, 40, 40)
    lights = []
    for number in range(2 * REACH + 1):
        left, frame, gain = 30 + 10 * number, wall.clone(), torch.zeros(1, 3, HEIGHT, WIDTH)
        frame[..., 28:68, left : left + 40] = patch
        gain[..., 28:68, left : left + 40] = 3.0
        lights.append(light_of(frame, gain))
    made = blended(lights[REACH], {near: lights[REACH + near] for near in NEAR}, 1.0).gain[0, 0]
    left = 30 + 10 * REACH
    assert made[34:62, left + 6 : left + 34].min() > 2.7
    outside = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    outside[24:72, left - 4 : left + 44] = False
    assert made[outside].mean() < 0.02
    assert made[outside].quantile(0.99) < 0.3


@needs_opencv
def test_a_grey_frame_stays_grey_among_coloured_ones():
    grey = texture(15)[:, :1].expand(-1, 3, -1, -1)
    own = light_of(grey, torch.full((1, 3, HEIGHT, WIDTH), 0.5))
    tint = torch.tensor([1.2, 0.4, 0.1]).view(1, 3, 1, 1).expand(1, 3, HEIGHT, WIDTH)
    near = {1: light_of((grey * torch.tensor([1.01, 1.0, 0.99]).view(1, 3, 1, 1)).clamp(0, 1), tint)}
    made = blended(own, near, 1.0)
    assert (made.gain - own.gain).abs().mean() > 0.01  # its light does change
    assert (made.gain.amax(1) - made.gain.amin(1)).max() < 1e-5
    assert (made.hdr_pq.amax(1) - made.hdr_pq.amin(1)).max() < 1e-5


@pytest.mark.parametrize("detail", [1.0, 0.6])
def test_light_found_before_gives_the_same_frame(converter, detail):
    frame = np.random.default_rng(0).random((3, 24, 40), dtype=np.float32) ** 2
    settings = Settings(detail=detail)
    light, seconds = converter.light_timed(frame, settings)
    found, rest = converter.render_timed(frame, settings, light=light)
    assert np.array_equal(found, converter.render(frame, settings))
    assert "sample" in seconds
    assert "sample" not in rest
    assert np.array_equal(converter.render_timed(frame, settings, light=blended(light, {}, 1.0))[0], found)


def test_the_light_decides_the_frame(converter):
    frame = np.random.default_rng(1).random((3, 24, 40), dtype=np.float32) ** 2
    light, _ = converter.light_timed(frame, Settings())
    brighter, _ = converter.render_timed(frame, Settings(), light=replace(light, gain=light.gain + 1))
    assert (brighter > converter.render(frame)).mean() > 0.95
