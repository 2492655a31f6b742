"""``--match``: tones led to an HDR picture of the same scene, or to a grade; references that cannot be one."""

import json

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.inference.load import load
from lumaflux.inference.tone_track import ToneTrack, text_of
from lumaflux.media.stills.picture import write_still
from lumaflux.render import Job, convert
from lumaflux.render.analysis import track_of
from lumaflux.render.match import led_track
from lumaflux.settings import Settings

SETTINGS = Settings(highlight_recovery=0.0, graphics_white="off")


@pytest.fixture(scope="module")
def lite():
    return load("lite")


@pytest.fixture(scope="module")
def sdr():
    """Blobs from code 15 to 225, two shots' worth of light."""
    rng = np.random.default_rng(8)
    coarse = rng.uniform(0.06, 0.88, (3, 6, 8)).astype(np.float32)
    return np.kron(0.8 * coarse.mean(0) + 0.2 * coarse, np.ones((1, 12, 12), np.float32)).astype(np.float32)


@pytest.fixture
def darker(lite, sdr, tmp_path):
    """The model's own picture, 0.7 stops darker, as an HDR picture."""
    path = tmp_path / "hero.png"
    write_still(path, np.asarray(pq.inverse_eotf(pq.eotf(lite.render(sdr, SETTINGS)) * 2**-0.7), np.float32))
    return path


@pytest.fixture
def picture(sdr, tmp_path):
    path = tmp_path / "shot.png"
    oiio.ImageBuf(np.ascontiguousarray(np.round(sdr.transpose(1, 2, 0) * 255).astype(np.uint8))).write(str(path))
    return path


def test_a_picture_comes_near_to_the_reference(lite, sdr, picture, darker, tmp_path):
    settings = Settings(graphics_white="off")
    asked = {"match": darker, "input_transfer": "bt1886"}
    [report] = convert(picture, tmp_path / "out.png", lambda: lite, settings, Job(**asked))
    assert any("shows what hero.png shows" in note for note in report.notes)
    buffers = (oiio.ImageBuf(str(path)) for path in (tmp_path / "out.png", darker))
    made, wanted = (np.asarray(buffer.get_pixels(oiio.FLOAT)) for buffer in buffers)
    plain = lite.render(sdr, settings).transpose(1, 2, 0)
    assert np.abs(made - wanted).mean() < 0.15 * np.abs(plain - wanted).mean()


def test_a_grade_leads_other_pictures_by_a_stop_at_most(lite, sdr, darker, tmp_path):
    other = np.ascontiguousarray(sdr[:, ::-1, ::-1].transpose(0, 2, 1))
    track = track_of([other], lite, SETTINGS, darker, "m")
    led = led_track(track, [other], darker)
    assert "no frame shows what hero.png shows" in led.notes[0]
    assert float(led.notes[0].split("change by ")[1].split()[0]) == pytest.approx(-0.7, abs=0.15)
    assert ToneTrack.model_validate_json(text_of(led.track)).match is not None
    with pytest.raises(UserError, match="was led to a reference before"):
        led_track(led.track, [other], darker)
    assert "match" not in json.loads(text_of(track))  # tracks that were not led are what they were


@pytest.mark.parametrize(
    ("reference", "job", "message"),
    [
        ("shot.png", {}, "is SDR; --match names an HDR picture"),
        ("none.exr", {}, "cannot be read"),
        ("black.exr", {}, "shows no light of 1 cd/m2 or more"),
        ("clip.mp4", {}, "is a clip; write a frame of it as a picture"),
        ("hero.png", {"track": "none"}, "--track none gives every frame its own"),
    ],
)
def test_bad_references_leave_nothing(lite, make_clip, picture, darker, tmp_path, reference, job, message):
    make_clip(frames=1)
    oiio.ImageBuf(np.zeros((24, 32, 3), np.float32)).write(str(tmp_path / "black.exr"))
    with pytest.raises(UserError, match=message):
        convert(picture, tmp_path / "o.png", lambda: lite, SETTINGS, Job(match=tmp_path / reference, **job))
    assert not (tmp_path / "o.png").exists()
    with pytest.raises(UserError, match="at strength 0 there is none"):
        convert(picture, tmp_path / "o.png", lambda: lite, Settings(strength=0.0), Job(match=darker))
