"""Tone tracks in the worker: rendered, made of files and of a host's frames, refused with a word."""

import json
import os

import numpy as np
import pytest

import lumaflux
from lumaflux.inference.tone_track import read_track, text_of
from lumaflux.render.analysis import clip_of, track_of
from lumaflux.service.client import Client, EngineError
from lumaflux.settings import Settings


@pytest.fixture(scope="module")
def clip():
    """Two shots of five frames."""
    at = np.random.default_rng(0)
    scenes = [at.random((24, 40, 3), np.float32) * 0.3, 1 - at.random((24, 40, 3), np.float32) * 0.3]
    return [np.roll(scene, n, 1) for scene in scenes for n in range(5)]


@pytest.fixture
def client(directory, start, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", os.fspath(directory.path / "state"))
    start()
    with Client(directory) as connected:
        yield connected


@pytest.fixture
def sequence(root, clip):
    from PIL import Image

    for number, picture in enumerate(clip):
        Image.fromarray((picture * 255).round().astype(np.uint8)).save(root / f"shot.{number:04d}.png")
    return root / "shot.%04d.png"


def test_frames_of_a_host_make_the_track_that_the_engine_makes(client, clip, root):
    for number, picture in enumerate(clip):
        assert client.look(picture, number, {"model": "tiny"})["frames"] == number + 1
    answer = client.analyze({"model": "tiny"})
    made = read_track(engine_path(answer))
    converter = lumaflux.load("tiny", device="cpu")
    (root / "any").write_bytes(b"1")
    planes = [np.ascontiguousarray(picture.transpose(2, 0, 1)) for picture in clip]
    wanted = track_of(planes, converter, Settings(), root / "any", "tiny")
    assert json.loads(text_of(made))["shots"] == json.loads(text_of(wanted))["shots"]
    assert [(shot.first, shot.last) for shot in made.shots] == [(0, 4), (5, 9)]
    params = {"model": "tiny", "tone_track": answer["track"], "track_start": 100, "host_frame": 107}
    rendered = client.render(clip[7], params).pixels
    direct = converter.render(planes[7], Settings(), wanted.tone_at(7)).transpose(1, 2, 0)
    assert np.abs(rendered - direct).max() * 65535 <= 1
    again = client.render(clip[7], params)
    assert again.cached
    with pytest.raises(EngineError, match="was made of another clip than this: at frame 102"):
        client.render(clip[7], {**params, "host_frame": 102})
    assert not client.render(clip[7], {**params, "host_frame": 115}).cached  # beyond its end no picture is kept


def engine_path(answer):
    from pathlib import Path

    return Path(answer["track"])


def test_a_file_is_analysed_beside_itself_with_progress(client, sequence):
    told = []
    answer = client.analyze({"model": "tiny", "source_file": str(sequence)}, lambda *done: told.append(done))
    assert answer["track"] == f"{sequence}.track.json"
    track = read_track(engine_path(answer))
    assert track.clip == clip_of(sequence, 10)
    assert all(0 < done <= 10 == total for done, total in told)
    pinned = json.loads(engine_path(answer).read_text())
    pinned["shots"][0]["pinned"]["strength"] = 0.5
    engine_path(answer).write_text(json.dumps(pinned))
    again = client.analyze({"model": "tiny", "source_file": str(sequence)})
    assert again["track"] == f"{sequence}.2.track.json"


def test_a_track_of_the_command_renders_the_frames_of_convert(client, clip, sequence, root):
    """`lumaflux analyze`'s file in the effect's parameter; tracks of other weights are refused."""
    from lumaflux.cli import app
    from lumaflux.inference.weights import weights_identity
    from lumaflux.options import ModelOptions

    track = root / "command.track.json"
    app(
        ["analyze", str(sequence), "-o", str(track), "--model", "tiny", "--device", "cpu"], result_action="return_value"
    )
    made = read_track(track)
    assert made.model == weights_identity(ModelOptions(model="tiny"))
    rendered = client.render(clip[3], {"model": "tiny", "tone_track": str(track), "host_frame": 3}).pixels
    planes = np.ascontiguousarray(clip[3].transpose(2, 0, 1))
    direct = lumaflux.load("tiny", device="cpu").render(planes, Settings(), made.tone_at(3)).transpose(1, 2, 0)
    assert np.abs(rendered - direct).max() * 65535 <= 1


@pytest.mark.parametrize("wrong", ["/no/such/clip.mp4", "relative.mp4"])
def test_what_cannot_be_analysed_is_refused_and_the_engine_lives(client, clip, wrong):
    with pytest.raises(EngineError, match=r"clip\.mp4|relative\.mp4"):
        client.analyze({"model": "tiny", "source_file": wrong})
    with pytest.raises(EngineError, match="no frame was analysed"):
        client.analyze({"model": "tiny"})
    with pytest.raises(EngineError, match="does not follow"):
        client.look(clip[0], 3, {"model": "tiny"})
    assert client.ping()["type"] == "pong"


def test_wrong_tracks_are_refused_with_a_word(client, clip, sequence, root):
    track = client.analyze({"model": "tiny", "source_file": str(sequence)})["track"]
    damaged, other, huge = root / "damaged.json", root / "other.json", root / "huge.json"
    text = engine_path({"track": track}).read_text()
    damaged.write_text(text[: len(text) // 2])
    other.write_text(text.replace('"model": "tiny:', '"model": "lite:'))
    with open(huge, "wb") as file:
        file.truncate(300 << 20)
    for path, said in [(damaged, "no whole tone track"), (other, "made with the model lite"), (huge, "256 MiB")]:
        with pytest.raises(EngineError, match=said):
            client.render(clip[0], {"model": "tiny", "tone_track": str(path)})
    with pytest.raises(EngineError, match="cannot be read"):
        client.render(clip[0], {"model": "tiny", "tone_track": str(root / "gone.json")})
    another = root / "shot.0003.png"
    with pytest.raises(EngineError, match="made of another file"):
        client.render(clip[0], {"model": "tiny", "tone_track": track, "source_file": str(another)})
    assert isinstance(client, Client)
