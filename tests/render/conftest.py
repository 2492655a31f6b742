"""What the conversion tests share: a converter without a model, small clips and sequences made on the spot."""

import os
import sys
from fractions import Fraction
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux import cli
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.render import Job, convert
from lumaflux.settings import Settings


class Placement:
    """Places the picture at reference white, as a converter of strength 0 does; counts its frames."""

    others = ()  # one device

    def __init__(self):
        self.loads = self.frames = 0

    def load(self):
        self.loads += 1
        return self

    def render_timed(self, frame, settings, hooks=None, *, tone=None, light=None):
        self.frames += 1
        return np.asarray(sdr_to_pq(frame, settings.reference_white), dtype=np.float32), {"sample": 0.0}


@pytest.fixture
def placement():
    return Placement()


@pytest.fixture
def run(placement):
    def call(source, target, settings=Settings(), progress=lambda done, total: None, **job):  # noqa: B008
        return convert(source, target, placement.load, settings, Job(**{"track": "none", **job}), progress)

    return call


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """What the command says, in tmp_path, of arguments that it must refuse by one sentence and exit code 2."""

    def call(arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(cli, "end_by_signals", lambda: None)
        monkeypatch.setattr(sys, "argv", ["lumaflux", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert left.value.code == 2
        said = capsys.readouterr().err
        assert said.startswith("lumaflux: ")
        assert said.count("\n") == 1
        return said

    return call


def picture(number, channels=3, size=(24, 32)):
    pixels = np.full((*size, channels), 10 + number % 230, dtype=np.uint8)
    pixels[:4, :4] = 200
    return pixels


@pytest.fixture
def exported_again():
    return _exported_again


def _exported_again(path):
    """Another picture in a file of the same size and the same times, as `rsync -t` or a careless export leaves it."""
    before = path.stat()
    pixels = np.asarray(oiio.ImageBuf(str(path)).get_pixels(oiio.UINT8))
    pixels[0, 0] ^= 1
    assert oiio.ImageBuf(pixels).write(str(path))
    grown = path.read_bytes()
    assert len(grown) <= before.st_size + 64
    path.write_bytes(grown + b"\0" * max(0, before.st_size - len(grown)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def make_pictures(tmp_path):
    """Writes ``name % number`` pictures whose grey tells their number; returns the folder."""

    def make(name, numbers, channels=3, size=(24, 32)):
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        for number in numbers:
            buffer = oiio.ImageBuf(picture(number, channels, size))
            assert buffer.write(str(folder / (name % number)))
        return folder

    return make


@pytest.fixture
def make_clip(tmp_path):
    """Writes a clip of moving noise; ``times`` are in milliseconds."""

    def make(
        name="clip.mp4", frames=8, size=(64, 48), codec="libx264", times=None, options=None, sound=False, form="yuv420p"
    ):
        path = tmp_path / name
        rng = np.random.default_rng(4)
        with av.open(str(path), "w") as container:
            video: Any = container.add_stream(
                codec, rate=25, options=options or ({"crf": "20"} if codec == "libx264" else {})
            )
            video.width, video.height, video.pix_fmt = *size, form
            if times is not None:
                video.time_base = video.codec_context.time_base = Fraction(1, 1000)
            audio = container.add_stream("aac", rate=48000) if sound else None
            container.start_encoding()
            for number in range(frames):
                pixels = rng.integers(0, 255, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
                frame = av.VideoFrame.from_ndarray(np.kron(pixels, np.ones((8, 8, 1), np.uint8)), format="rgb24")
                if times is not None:
                    frame.pts, frame.time_base = times[number], Fraction(1, 1000)
                container.mux(video.encode(frame))
            container.mux(video.encode())
            if audio is not None:
                samples = av.AudioFrame.from_ndarray(np.zeros((2, 48000), np.float32), format="fltp", layout="stereo")
                samples.sample_rate = 48000
                container.mux(audio.encode(samples))
                container.mux(audio.encode())
        return path

    return make
