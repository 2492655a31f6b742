"""Several devices, each with a converter of its own: what one makes, in the order of the clip. All are CPUs here."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lumaflux.backends.device import further_devices
from lumaflux.errors import UserError
from lumaflux.inference.load import load_chosen
from lumaflux.options import ModelOptions
from lumaflux.render.analysis import track_of
from lumaflux.render.frame_renderer import FrameRenderer
from lumaflux.render.loop import render_frames
from lumaflux.settings import Settings

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def three():
    return load_chosen(ModelOptions(model="tiny", device="cpu", also_on="cpu, cpu"))


@pytest.fixture(scope="module")
def one():
    return load_chosen(ModelOptions(model="tiny", device="cpu"))


def film(count=5):
    pictures = np.random.default_rng(0).random((count, 3, 16, 32), dtype=np.float32)
    return [SimpleNamespace(number=number, sdr=sdr) for number, sdr in enumerate(pictures)]


def rendered(converter, frames, **asked):
    made = []
    settings = Settings(steps=1)
    render_frames(iter(frames), lambda: FrameRenderer(converter=converter, settings=settings), made.append, **asked)
    return made


def test_frames_come_in_order_and_are_those_of_one_device(three, one, monkeypatch):
    asked = []
    for index, converter in enumerate((three, *three.others)):
        slow = 0.1 if index == 0 else 0.0  # what is given first is not ready first
        real = converter.render_timed

        def render_timed(sdr, *given, index=index, slow=slow, real=real, **named):
            time.sleep(slow)
            asked.append(index)
            return real(sdr, *given, **named)

        monkeypatch.setattr(converter, "render_timed", render_timed)
    many, alone = rendered(three, film()), rendered(one, film())
    assert [made.frame.number for made in many] == list(range(5))
    assert all(np.array_equal(a.hdr_pq, b.hdr_pq) for a, b in zip(many, alone, strict=True))
    assert sorted(asked) == [0, 0, 1, 1, 2]
    assert asked != sorted(asked)


def test_an_end_and_an_error_leave_what_came_before(three, monkeypatch):
    seen = []
    assert len(rendered(three, film(), rendered=seen.append, ended=lambda: len(seen) == 4)) == 4
    written, real = [], three.others[0].render_timed

    def fails(sdr, *given, **named):
        if np.array_equal(sdr, film()[4].sdr):
            raise UserError("frame 4 is bad")
        return real(sdr, *given, **named)

    monkeypatch.setattr(three.others[0], "render_timed", fails)
    settings = Settings(steps=1)
    with pytest.raises(UserError, match="frame 4"):
        render_frames(iter(film()), lambda: FrameRenderer(converter=three, settings=settings), written.append)
    assert [made.frame.number for made in written] == [0, 1, 2, 3]


def test_key_frames_have_the_same_tones(three, one, tmp_path):
    source = tmp_path / "clip.bin"
    source.write_bytes(b"a clip")
    pictures = [frame.sdr for frame in film(3)]
    tracks = [track_of(pictures, converter, Settings(), source, "tiny") for converter in (one, three)]
    assert tracks[0] == tracks[1]


def test_what_depends_on_order_and_other_devices_are_refused(three, monkeypatch):
    renderer = replace(FrameRenderer(converter=three, settings=Settings()), mask=object())
    with pytest.raises(UserError, match="--also-on goes without"):
        render_frames(iter(film(1)), lambda: renderer, lambda made: None)
    with pytest.raises(UserError, match="not available"):
        further_devices("cuda:7", CPU)
    monkeypatch.setattr("lumaflux.backends.device.pick_device", torch.device)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A" if device.index < 2 else "B")
    first = torch.device("cuda:0")
    assert further_devices("cuda:1", first) == [torch.device("cuda:1")]
    for names, words in (("cuda:0", "named twice"), ("cuda:2", "another kind"), ("cpu", "another kind")):
        with pytest.raises(UserError, match=words):
            further_devices(names, first)
