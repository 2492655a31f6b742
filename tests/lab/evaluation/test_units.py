import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.methods.method import ClipFrames
from lumaflux.lab.evaluation.methods.named import method_named
from lumaflux.lab.evaluation.sets.manifest import read_manifest
from lumaflux.lab.evaluation.temporal_scores import TemporalScorer
from lumaflux.lab.evaluation.units import Benchmark, Unit, UnitScorer, triples


class Made:
    """Grey of 0.4, or what ``at`` makes of it at a frame; remembers how far the frames were read."""

    name = "made"
    told = None

    def __init__(self, at=lambda number, grey: grey):
        self.at = at
        self.read = 0

    def describe(self):
        return {}

    def predictions(self, clip, frames):
        for frame in frames:
            self.read += 1
            yield self.at(frame.number, np.full(frame.sdr.shape, 0.4, dtype=np.float32))


@pytest.fixture
def clip(tiny_set):
    clips = {clip.name: clip for clip in read_manifest(tiny_set).clips}
    return ClipFrames(folder=tiny_set, clip=clips["meadow/hard-clip-crf18"], numbers=range(3))


def test_frames_are_read_one_by_one(clip):
    method = Made()
    for number, triple in enumerate(triples(method, clip), 1):
        assert method.read == number
        assert [tuple(picture.shape) for picture in triple] == [(1, 3, 48, 64)] * 3
        assert triple[0].min() == triple[0].max()


def test_predictions_are_compared_as_they_are_stored(clip):
    prediction, _, _ = next(triples(Made(lambda number, grey: grey + 0.3 / 65535), clip))
    codes = prediction.double() * 65535
    assert (codes - codes.round()).abs().max() < 1e-2
    assert prediction[0, 0, 0, 0] == np.float32(round(0.4 * 65535)) / np.float32(65535)
    bright, _, _ = next(triples(Made(lambda number, grey: grey + 1), clip))
    assert bright.max() == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_said_and_the_next_frame_is_scored(clip, value):
    results = list(triples(Made(lambda number, grey: grey * value if number == 1 else grey), clip))
    assert str(results[1]) == "made predicts NaN or infinite values"
    assert not isinstance(results[0], Exception)
    assert not isinstance(results[2], Exception)


def test_another_size_is_said(clip):
    results = list(triples(Made(lambda number, grey: grey[:, 1:]), clip))
    assert all("made predicts 64x47, " in str(result) and "is 64x48" in str(result) for result in results)


def test_a_method_that_stops_is_said(clip):
    class Short(Made):
        def predictions(self, clip, frames):
            yield np.full(next(iter(frames)).sdr.shape, 0.4, dtype=np.float32)

    results = list(triples(Short(), clip))
    assert len(results) == 3
    assert [str(result) for result in results[1:]] == [
        f"made gives no prediction for frame {number} of meadow/hard-clip-crf18" for number in (1, 2)
    ]


def test_a_reference_that_is_none_is_said_and_the_next_frame_is_scored(own_set):
    clips = {clip.name: clip for clip in read_manifest(own_set).clips}
    frames = ClipFrames(folder=own_set, clip=clips["meadow/hard-clip-crf18"], numbers=range(3))
    (own_set / "meadow" / "000001.png").unlink()
    for method in (Made(), method_named("oracle")):
        results = list(triples(method, frames))
        assert "000001.png does not exist" in str(results[1])
        assert [isinstance(result, UserError) for result in results] == [False, True, False]


def test_a_frame_alone_is_the_frame_of_the_clip(clip):
    whole = list(triples(method_named("inverse-bt2446a"), clip))
    only = ClipFrames(folder=clip.folder, clip=clip.clip, numbers=range(2, 3))
    (alone,) = triples(method_named("inverse-bt2446a"), only)
    for a, b in zip(whole[2], alone, strict=True):
        assert (a == b).all()


def test_a_tagged_or_untagged_picture_is_read_as_srgb_but_clipping_is_judged_on_its_codes(tiny_set):
    clip = next(clip for clip in read_manifest(tiny_set).clips if clip.rendering == "expert")
    (frame,) = ClipFrames(folder=tiny_set, clip=clip, numbers=range(1))
    codes = frame.coded * 255
    np.testing.assert_allclose(codes, np.rint(codes), atol=1e-3)
    assert np.abs(frame.sdr - frame.coded).max() > 0.01


def test_a_clip_whose_temporal_scores_fail_has_the_reason(tiny_set, monkeypatch):
    def fails(self):
        raise UserError("ColorVideoVDP failed")

    monkeypatch.setattr(TemporalScorer, "scores", fails)
    clips = {clip.name: clip for clip in read_manifest(tiny_set).clips}
    benchmark = Benchmark(folder=tiny_set, methods=("static-203",), preset="hdrtv1k")
    unit = Unit(method="static-203", clip=clips["meadow/hard-clip-crf18"], frames=2)
    *frames, whole = UnitScorer(benchmark, {"static-203": "static-203"})(unit, lambda: None)
    assert [record.error for record in frames] == [None, None]
    assert (whole.frame, whole.error, whole.scores) == (None, "ColorVideoVDP failed", {})
