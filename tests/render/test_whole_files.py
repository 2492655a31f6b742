"""Of the passes over a source, the one that makes the pictures asks whether the file is whole."""

from collections import Counter

import pytest

import lumaflux
from lumaflux.errors import FrameError
from lumaflux.media.video import reader
from lumaflux.render import Job, convert
from lumaflux.settings import Settings


@pytest.fixture
def asked(monkeypatch):
    """How often the structure of a file was walked, and its last picture decoded again."""
    found: Counter[str] = Counter()
    hole, cut = reader.hole, reader.LastPicture.cut
    monkeypatch.setattr(reader, "hole", lambda *about: found.update(["hole"]) or hole(*about))
    monkeypatch.setattr(reader.LastPicture, "cut", lambda self: found.update(["cut"]) or cut(self))
    return found


def toned(source, target, **job):
    """Two passes: one finds the tones."""
    converter = lumaflux.load("tiny", device="cpu")
    options = Job(model="tiny", device="cpu", encoder_preset="ultrafast", **job)
    return convert(source, target, lambda: converter, Settings(), options)


@pytest.mark.parametrize("name", ["clip.ts", "clip.mkv", "clip.mp4"])
def test_one_of_two_passes_asks(make_clip, asked, tmp_path, name):
    """It may read all bytes of a file."""
    toned(make_clip(name), tmp_path / "out.mkv")
    assert asked == {"hole": 1, "cut": 1}


def test_who_wants_a_part_does_not_ask(make_clip, asked, run, tmp_path):
    run(make_clip(), tmp_path / "out.mkv", frames="1-3")
    assert not asked


@pytest.mark.parametrize("name", ["clip.ts", "clip.mkv", "clip.flv"])
def test_a_cut_file_is_told_in_two_passes(make_clip, tmp_path, name):
    source = make_clip(name, frames=16)
    source.write_bytes(source.read_bytes()[:-3000])
    with pytest.raises(FrameError, match="cannot be decoded after frame"):
        toned(source, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()
