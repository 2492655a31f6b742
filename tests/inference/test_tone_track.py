"""Tone tracks: mixing keeps the laws of a tone, files round-trip, and bad ones are refused with the reason."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.errors import UserError
from lumaflux.inference.tone import Tone, mix
from lumaflux.inference.tone_track import (
    Clip,
    Key,
    Pins,
    Shot,
    StoredTone,
    ToneTrack,
    read_track,
    text_of,
)
from lumaflux.model.spline import apply_spline, knots_from_logits
from lumaflux.model.tone_predictor import ToneCurve
from lumaflux.settings import Settings


def tone(seed, anchored=True):
    generator = torch.Generator().manual_seed(seed)

    def knots(bins):
        return knots_from_logits(3 * torch.randn(1, 3 * bins + 1, generator=generator), bins)

    matrix = torch.eye(3) + 0.1 * torch.randn(1, 3, 3, generator=generator)
    placement = ToneCurve(
        knots=knots(12),
        floor=0.1 * torch.rand(1, generator=generator),
        top=0.5 + 0.2 * torch.rand(1, generator=generator),
        by_channel=torch.rand(1, generator=generator),
        matrix=matrix / matrix.sum(2, keepdim=True),
    )
    return Tone(placement=placement if anchored else None, knots=knots(8))


def shot(first, last, keys, **pins):
    return Shot(
        first=first,
        last=last,
        pinned=Pins(**pins),
        keys=[Key(frame=frame, tone=StoredTone.of(tone(seed))) for frame, seed in keys.items()],
    )


def track(*shots):
    clip = Clip(name="clip.mp4", frames=shots[-1].last + 1, digest="0" * 32)
    return ToneTrack(clip=clip, model="lite", shots=list(shots))


TRACK = track(shot(0, 24, {0: 1, 12: 2, 24: 3}), shot(25, 25, {25: 4}), shot(26, 40, {26: 5, 40: 6}))


@given(st.lists(st.integers(0, 99), min_size=1, max_size=5), st.data())
def test_a_mixture_is_a_tone(seeds, data):
    raw = [data.draw(st.floats(0.01, 1)) for _ in seeds]
    mixed = mix([tone(seed) for seed in seeds], [weight / sum(raw) for weight in raw])
    assert mixed.placement is not None
    x = torch.linspace(0, 1, 65)[None]
    for knots in (mixed.knots, mixed.placement.knots):
        curve = apply_spline(x, knots)
        assert (curve.diff() >= 0).all()
        torch.testing.assert_close(curve[0, [0, -1]], torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(mixed.placement.matrix.sum(2), torch.ones(1, 3))


def test_the_mixture_of_one_is_itself_to_the_bit():
    one = tone(1)
    assert torch.equal(mix([one], [1.0]).knots.x, one.knots.x)


def test_a_file_gives_the_tones_back(tmp_path):
    path = tmp_path / "track.json"
    path.write_text(text_of(TRACK))
    again = read_track(path)
    assert again == TRACK
    assert text_of(again) == path.read_text()
    for frame in (0, 5, 24, 25, 33):
        assert torch.equal(again.tone_at(frame).knots.y, TRACK.tone_at(frame).knots.y)


def test_between_keys_the_tone_moves_in_a_straight_line_and_never_across_a_cut():
    at = {frame: TRACK.tone_at(frame).knots.x for frame in (0, 6, 12, 24, 25, 26)}
    torch.testing.assert_close(at[6], (at[0] + at[12]) / 2)
    assert torch.equal(at[25], StoredTone.of(tone(4)).tone().knots.x)
    assert torch.equal(at[24], StoredTone.of(tone(3)).tone().knots.x)


def test_a_model_without_an_anchor_has_curves_alone():
    stored = StoredTone.of(tone(1, anchored=False))
    assert stored.placement is None
    assert stored.tone().placement is None


def test_frames_that_a_container_did_not_announce_belong_to_the_last_shot():
    assert torch.equal(TRACK.tone_at(99).knots.x, TRACK.tone_at(40).knots.x)


def test_what_is_pinned_decides():
    pinned = track(shot(0, 9, {0: 1, 9: 2}, strength=0.5, target_peak=600.0, tone=StoredTone.of(tone(7))))
    assert torch.equal(pinned.tone_at(4).knots.x, StoredTone.of(tone(7)).tone().knots.x)
    settings = pinned.settings_at(4, Settings(saturation=1.2))
    assert (settings.strength, settings.target_peak, settings.saturation) == (0.5, 600.0, 1.2)


def shots_of(text):
    return json.loads(text)["shots"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: d["shots"].pop(1), "no shot holds frame 25"),
        (lambda d: d["shots"].pop(), "no shot holds frame 26"),
        (lambda d: d.update(version=2), "version"),
        (lambda d: d["shots"][0].update(keys=[]), "keys"),
        (lambda d: d["shots"][0]["keys"][1].update(frame=30), "must rise inside it"),
        (lambda d: d["shots"][0]["keys"][0]["tone"]["curve"]["x"].reverse(), "must rise from 0 to 1"),
        (lambda d: d["shots"][0]["keys"][0]["tone"]["curve"]["y"].pop(), "equally many"),
        (lambda d: d["shots"][0]["keys"][0]["tone"]["curve"]["derivatives"].__setitem__(0, -1), "greater than 0"),
        (lambda d: d["shots"][0]["pinned"].update(target_peak=9000), "target_peak must lie from"),
        (lambda d: d.update(extra=1), "extra"),
    ],
)
def test_a_broken_track_is_refused_with_the_reason(tmp_path, spoil, said):
    document = json.loads(text_of(TRACK))
    spoil(document)
    path = tmp_path / "track.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UserError, match="no whole tone track") as refused:
        read_track(path)
    assert said in str(refused.value)


def test_a_track_that_is_no_json_or_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_track(tmp_path / "nothing.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(UserError, match="no whole tone track"):
        read_track(tmp_path / "text.json")
