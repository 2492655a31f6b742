"""Turns, mirrors and pixel aspects: the picture is seen as a player shows it, or what is lost is said."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lumaflux.errors import FrameError

SIZE = (96, 64)


def clip(path: Path, *, codec: str = "libx264", aspect: str = "1", turn: int | None = None, frames: int = 4) -> Path:
    """A grey picture that is brightest at the top left, and less so at the bottom left."""
    pixels = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
    pixels[:16, :24], pixels[-16:, :24] = 230, 150
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream(codec, rate=25, options={"b": "1M"} if codec != "libx264" else {"qp": "4"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.codec_context.sample_aspect_ratio = Fraction(aspect)
        if turn is not None:
            video.set_display_rotation(turn)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
    return path


def with_matrix(path: Path, a: float, b: float, c: float, d: float) -> Path:
    """Another matrix in the track header of an MP4 file that has one for a half turn (ISO/IEC 14496-12 8.3.2)."""
    data = path.read_bytes()
    half = struct.pack(">9i", -65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30)
    assert data.count(half) == 1
    numbers = [round(65536 * number) for number in (a, b, 0, c, d, 0, 0, 0)]
    path.write_bytes(data.replace(half, struct.pack(">9i", *numbers, 1 << 30)))
    return path


def corners(path: Path) -> str:
    """The brightest corner and the one after it, as seen."""
    with av.open(str(path)) as container:
        grey = next(container.decode(video=0)).to_ndarray(format="gray").astype(int)
    found = {
        "top left": grey[:16, :16],
        "top right": grey[:16, -16:],
        "bottom left": grey[-16:, :16],
        "bottom right": grey[-16:, -16:],
    }
    first, second, *_ = sorted(found, key=lambda name: -found[name].mean())
    return f"{first}, {second}"


def aspect_of(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        return container.streams.video[0].sample_aspect_ratio or Fraction(1)


@pytest.mark.parametrize(
    ("matrix", "seen"),
    [
        ((1, 0, 0, 1), "top left, bottom left"),
        ((0, 1, -1, 0), "top right, top left"),
        ((-1, 0, 0, -1), "bottom right, top right"),
        ((0, -1, 1, 0), "bottom left, bottom right"),
        ((-1, 0, 0, 1), "top right, bottom right"),
        ((1, 0, 0, -1), "bottom left, top left"),
        ((0, 1, 1, 0), "top left, top right"),
        ((0, -1, -1, 0), "bottom right, bottom left"),
    ],
)
def test_turns_and_mirrors(run, tmp_path, matrix, seen):
    source = with_matrix(clip(tmp_path / "in.mp4", turn=180), *matrix)
    (report,) = run(source, tmp_path / "out.mp4", encoder_preset="ultrafast")
    assert corners(tmp_path / "out.mp4") == seen
    assert report.notes == []


@pytest.mark.parametrize(("turn", "beyond"), [(10, 10), (-30, 30), (100, 10), (45, 45), (170, 10)])
@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])
def test_other_turns_are_said(run, tmp_path, name, turn, beyond):
    (report,) = run(clip(tmp_path / name, turn=turn), tmp_path / "out.mp4", encoder_preset="ultrafast")
    assert f"The source's turn by {beyond} degrees beyond quarter circles is left out." in report.notes


@pytest.mark.parametrize("aspect", ["16/11", "64/45", "8/9", "40/33", "4/3"])
def test_pixel_aspects_are_kept_and_turned(run, tmp_path, aspect):
    for name, turn, kept in (("in.mp4", None, Fraction(aspect)), ("turned.mp4", 90, 1 / Fraction(aspect))):
        run(clip(tmp_path / name, aspect=aspect, turn=turn), tmp_path / f"out-{name}", encoder_preset="ultrafast")
        assert aspect_of(tmp_path / f"out-{name}") == kept


@pytest.mark.parametrize(("name", "codec"), [("in.h264", "libx264"), ("in.m2v", "mpeg2video"), ("in.ts", "mpeg2video")])
def test_an_aspect_that_changes_is_said(run, tmp_path, name, codec):
    aspects = ("1", "2") if codec == "libx264" else ("1", "32/27")  # MPEG-2 codes the display's: 3:2, 16:9
    parts = [clip(tmp_path / f"{number}-{name}", codec=codec, aspect=aspect) for number, aspect in enumerate(aspects)]
    source = tmp_path / name
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    (report,) = run(source, tmp_path / "out.mkv", encoder_preset="ultrafast")
    said = [note for note in report.notes if "changes its pixel aspect near frame" in note]
    assert len(said) == 1
    assert f"the output has {aspect_of(tmp_path / 'out.mkv')} throughout" in said[0]


@pytest.mark.parametrize(("sound", "again"), [(False, 1), (True, 1), (False, 2)])
def test_chained_ogg_is_named(run, make_clip, tmp_path, sound, again):
    part = tmp_path / "part.ogg"
    with av.open(str(part), "w") as container:
        video: Any = container.add_stream("libvpx", rate=25, options={"b": "1M"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        audio: Any = container.add_stream("libopus", rate=48000, layout="mono") if sound else None
        for number in range(5):
            frame = av.VideoFrame(*SIZE, "yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None:
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), format="s16", layout="mono")
            samples.sample_rate, samples.pts = 48000, 0
            container.mux([*audio.encode(samples), *audio.encode()])
    source = tmp_path / "chain.ogg"
    source.write_bytes(part.read_bytes() * (1 + again))
    said = f"is chained Ogg: another stream begins at byte {part.stat().st_size}; split it there"
    with pytest.raises(FrameError, match=said):
        run(source, tmp_path / "out.mkv", encoder_preset="ultrafast")
    assert not (tmp_path / "out.mkv").exists()
    (report,) = run(part, tmp_path / "out.mkv", encoder_preset="ultrafast")
    assert report.frames == 5
