"""Tracks that a job is handed: of its own input and of its own model only."""

import pytest

from lumaflux.errors import UserError
from lumaflux.farm.manifest import source_of
from lumaflux.farm.tone_tracks import track_of_job
from lumaflux.inference.tone_track import text_of
from lumaflux.inference.weights import weights_identity
from lumaflux.options import ModelOptions
from lumaflux.render.source import Source
from lumaflux.render.tones import ToneRequest, analyze
from lumaflux.settings import Settings


@pytest.fixture(scope="module")
def track(media, converter):
    model = weights_identity(ModelOptions(model="tiny"))
    return analyze(Source(media / "clip.mp4"), ToneRequest(converter=converter, model=model, settings=Settings()))


def test_its_own_track_is_taken(track, order, tmp_path):
    path = tmp_path / "track.json"
    path.write_text(text_of(track))
    spec = order(track=str(path))
    assert track_of_job(spec, source_of(spec), tmp_path) == path


@pytest.mark.parametrize(
    ("source", "model", "said"),
    [("clip.mp4", "lite:12", "with the model lite:12"), ("plates/plate.%04d.png", None, "another file")],
)
def test_others_are_refused(track, order, tmp_path, source, model, said):
    path = tmp_path / "track.json"
    path.write_text(text_of(track.model_copy(update={"model": model or track.model})))
    spec = order(source, track=str(path))
    with pytest.raises(UserError, match=said):
        track_of_job(spec, source_of(spec), tmp_path)
