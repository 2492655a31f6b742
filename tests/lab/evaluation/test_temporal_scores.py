import json

import pytest
import torch

from lumaflux.errors import MissingExtraError
from lumaflux.inference import motion
from lumaflux.lab.evaluation.metrics import cvvdp
from lumaflux.lab.evaluation.presets import TEMPORAL_KEYS, preset_named
from lumaflux.lab.evaluation.temporal_scores import TemporalScorer

PRESET = preset_named("luma-eval")


@pytest.fixture(autouse=True)
def without_cvvdp(monkeypatch):
    """Minutes of it: metrics/test_cvvdp.py."""
    monkeypatch.setattr(cvvdp, "interpreter", lambda: None)


def frames(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    picture = torch.rand(3, 24, 32, generator=generator) * 0.6
    return [picture.roll(number, dims=2) for number in range(count)]


def scored(test, reference, source=True, preset=PRESET):
    scorer = TemporalScorer(preset, 24.0)
    for one, other in zip(test, reference, strict=True):
        scorer.add(one, other, other if source else None)
    return scorer


def test_every_key_is_a_number_for_a_clip_of_a_second():
    clip = frames(24)
    scores = scored([frame * 1.01 for frame in clip], clip).scores()
    assert tuple(scores) == TEMPORAL_KEYS
    wanted = {key for key in TEMPORAL_KEYS if motion.available() or not key.startswith("warping")} - {"cvvdp_jod"}
    assert all(isinstance(scores[key], float) for key in wanted)


def test_equal_clips_have_no_error():
    clip = frames(24)
    scores = scored(clip, clip).scores()
    for key in ("flicker", "flicker_spectrum", "p99_track_error", "p50_track_error"):
        assert scores[key] == 0
    if motion.available():
        assert scores["warping_error_excess"] == 0


def test_a_single_frame_has_none():
    scorer = scored(frames(1), frames(1))
    assert set(scorer.scores().values()) - {"unavailable"} == {None}
    assert len(scorer.tracks()["prediction"]["p99"]) == 1


def test_tracks_are_json_of_a_value_a_frame():
    tracks = json.loads(json.dumps(scored(frames(3), frames(3, seed=1)).tracks(), allow_nan=False))
    assert {len(values) for track in tracks.values() for values in track.values()} == {3}
    assert tracks["prediction"] != tracks["reference"]


def test_what_is_not_installed_is_said_to_be_unavailable(monkeypatch):
    monkeypatch.setattr(motion, "_cv2", lambda: None)
    scores = scored(frames(2), frames(2)).scores()
    assert scores["cvvdp_jod"] == "unavailable"
    assert scores["warping_error"] == scores["warping_error_excess"] == "unavailable"
    assert scores["flicker"] == 0
    with pytest.raises(MissingExtraError, match=r"lumaflux\[motion\]"):
        motion.optical_flow(torch.zeros(24, 32), torch.zeros(24, 32), "FAST")


def test_a_preset_without_temporal_keys_has_tracks_only():
    scorer = scored(frames(2), frames(2), preset=preset_named("hdrtv1k"))
    assert scorer.scores() == {}
    assert len(scorer.tracks()["reference"]["mean"]) == 2


def test_a_batch_of_one_is_a_frame_and_the_source_may_be_missing():
    clip = frames(3)
    batched = [frame[None] for frame in clip]
    assert scored(batched, batched).scores() == scored(clip, clip).scores()
    assert scored(clip, clip, source=False).scores()["flicker"] == 0


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (torch.zeros(3, 24, 30), "differ in size"),
        (torch.zeros(24, 32), "expected the test frame"),
        (torch.full((3, 24, 32), torch.nan), "NaN"),
    ],
)
def test_bad_frames_are_refused(test, said):
    scorer = scored(frames(1), frames(1))
    with pytest.raises(ValueError, match=said):
        scorer.add(test, frames(1)[0])
