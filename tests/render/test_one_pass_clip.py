"""A clip from codes to codes: which frames go that way, and that any part of a clip gets the codes of the whole."""

import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from lumaflux.inference.load import load
from lumaflux.inference.one_pass import available
from lumaflux.media.video.writer import VideoWriter
from lumaflux.render import Job, convert
from lumaflux.render.certificate import read_certificate
from lumaflux.render.clip_outputs import ClipOutputs
from lumaflux.render.frame_renderer import FrameRenderer
from lumaflux.render.recorder import fingerprint
from lumaflux.settings import Settings

pytestmark = pytest.mark.skipif(not available(), reason="installed without the native routines")

FRAMES, WIDTH, HEIGHT = 4, 64, 48


@pytest.fixture(scope="module")
def converter():
    torch.set_num_threads(1)
    return load("lite", device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A lamp that drifts through a room."""
    path = tmp_path_factory.mktemp("one_pass") / "clip.mp4"
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    wall = np.random.default_rng(0).uniform(30, 110, (HEIGHT, WIDTH, 3))
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(24), options={"crf": "10"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for n in range(FRAMES):
            glow = 300 * np.exp(-((x - 30 - 2 * n) ** 2 + (y - 24) ** 2) / 90)[..., None]
            picture = np.clip(wall + glow, 0, 255).astype(np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
    return path


@pytest.fixture(scope="module")
def written(converter, clip, tmp_path_factory):
    """Converts, and tells of the report and of the codes that the encoder was given."""
    folder = tmp_path_factory.mktemp("out")

    def call(**job):
        codes, take = [], VideoWriter._take

        def taken(writer, planes, *timed):
            codes.append([np.array(plane) for plane in planes])
            take(writer, planes, *timed)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(VideoWriter, "_take", taken)
            asked = Job(overwrite=True, encoder_preset="ultrafast", **job)
            (report,) = convert(Path(clip), folder / "out.mp4", lambda: converter, Settings(), asked)
        return report, codes

    return call


@pytest.fixture(scope="module")
def whole(written):
    return written()


def test_frames_that_the_encoder_waits_for_take_all_threads(written, monkeypatch):
    alone, last_begun = [], threading.Event()
    render, write = FrameRenderer.render_codes, ClipOutputs.write

    def rendered(renderer, number, codes, **how):
        alone.append(how["alone"])
        if len(alone) == FRAMES:
            last_begun.set()
        return render(renderer, number, codes, **how)

    monkeypatch.setattr(FrameRenderer, "render_codes", rendered)
    monkeypatch.setattr(ClipOutputs, "write", lambda outputs, made: last_begun.wait(60) and write(outputs, made))
    report, codes = written()
    assert report.frames == len(codes) == FRAMES
    assert alone[0]
    assert alone[2:] == [False] * (FRAMES - 2)  # the second one may find the first one still in the queue


def test_every_frame_goes_in_one_pass_and_any_part_gets_its_codes(written, whole):
    report, codes = whole
    assert (report.frames, report.in_one_pass) == (FRAMES, FRAMES)
    assert "pixels" in report.stages
    assert report.max_cll > 203
    part_report, part = written(frames="2-3")
    assert part_report.in_one_pass == 2
    for one, two in zip(codes[2:4], part, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_where_it_does_not_apply_frames_go_through_pictures_to_nearly_the_same_codes(written, whole):
    report, through_pictures = written(every_frame=True)
    assert report.in_one_pass == 0
    off = [np.abs(a[0].astype(int) - b[0]).mean() for a, b in zip(whole[1], through_pictures, strict=True)]
    assert max(off) <= 1.0


def test_a_certificate_leaves_the_codes_as_they_are(written, whole, tmp_path):
    report, codes = written(certificate=tmp_path / "c.json")
    assert report.in_one_pass == FRAMES
    assert all(
        np.array_equal(a, b) for one, two in zip(whole[1], codes, strict=True) for a, b in zip(one, two, strict=True)
    )
    known = read_certificate(tmp_path / "c.json")
    assert {frame.path for frame in known.frames} == {"codes"}
    assert known.frames[3].sha256 == fingerprint(tuple(codes[3]))["sha256"]
    assert known.frames[3].shares is None
    assert sum(known.invention.values()) == pytest.approx(1, abs=1e-5)
    assert known.invention["invented"] > 0.01
