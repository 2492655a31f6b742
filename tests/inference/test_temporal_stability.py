"""Temporal stability: the track's tone, the frame's own, and what lies between."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lumaflux
from lumaflux.model.spline import knots_from_logits
from lumaflux.settings import Settings

shares = st.floats(0.0, 1.0, allow_nan=False)


@pytest.fixture(scope="module")
def converter():
    return lumaflux.load("tiny", device="cpu")


def picture(seed):
    return np.random.default_rng(seed).random((3, 24, 40), dtype=np.float32) ** 2


def other_tone(converter):
    """Far from what an untrained network asks for."""
    found = converter.tone_of(picture(9))
    bins = found.knots.derivatives.shape[-1] - 1
    logits = 2 * torch.randn(1, 3 * bins + 1, generator=torch.Generator().manual_seed(5))
    return replace(found, knots=knots_from_logits(logits, bins))


@given(stability=shares)
@settings(max_examples=6, deadline=None)
def test_without_a_track_it_changes_nothing(converter, stability):
    plain = converter.render(picture(0), Settings())
    assert np.array_equal(converter.render(picture(0), Settings(temporal_stability=stability)), plain)


@given(detail=st.sampled_from([0.0, 0.6, 1.0]), seed=st.integers(0, 3))
@settings(max_examples=6, deadline=None)
def test_the_ends_are_the_frame_alone_and_the_track(converter, detail, seed):
    tone = other_tone(converter)
    alone = converter.render(picture(seed), Settings(detail=detail))
    tracked = converter.render(picture(seed), Settings(detail=detail), tone)
    assert not np.allclose(alone, tracked, atol=1e-4)
    assert np.array_equal(converter.render(picture(seed), Settings(detail=detail, temporal_stability=0.0), tone), alone)
    near = [
        converter.render(picture(seed), Settings(detail=detail, temporal_stability=s), tone) for s in (1e-6, 1 - 1e-6)
    ]
    assert np.allclose(near[0], alone, atol=1e-3)
    assert np.allclose(near[1], tracked, atol=1e-3)


@given(stability=shares)
@settings(max_examples=6, deadline=None)
def test_a_frame_whose_own_tone_is_the_track_s_does_not_change(converter, stability):
    flat = np.full((3, 24, 40), 0.5, np.float32)
    tone = converter.tone_of(flat)
    pixels = converter.render(flat, Settings(temporal_stability=stability), tone)
    assert np.allclose(pixels, converter.render(flat, Settings()), atol=1e-3)
