"""What the media tests share: small clips made on the spot, and the codes of the 75 % colour bars."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

WIDTH, HEIGHT = 64, 48
BARS_RGB = 0.75 * np.array(
    [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)], dtype=np.float64
)
# 8-bit limited-range Y'CbCr of the 75 % bars as test signal handbooks print them
BARS_709 = [
    (180, 128, 128),
    (168, 44, 136),
    (145, 147, 44),
    (133, 63, 52),
    (63, 193, 204),
    (51, 109, 212),
    (28, 212, 120),
    (16, 128, 128),
]
BARS_601 = [
    (180, 128, 128),
    (162, 44, 142),
    (131, 156, 44),
    (112, 72, 58),
    (84, 184, 198),
    (65, 100, 212),
    (35, 212, 114),
    (16, 128, 128),
]


def frame_of_columns(codes: Sequence[tuple[int, int, int]], pixel_format: str = "yuv420p") -> av.VideoFrame:
    """A frame of equally wide columns, one for each triple of codes."""
    frame = av.VideoFrame(WIDTH, HEIGHT, pixel_format)
    dtype = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    for plane, values in zip(frame.planes, zip(*codes, strict=True), strict=True):
        rows = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)
        rows[:, : plane.width] = np.repeat(values, plane.width // len(values))
    return frame


def column_centres(image: np.ndarray, count: int = 8) -> np.ndarray:
    """The middle pixel of every column, [count, 3], of an image [3, H, W]."""
    step = image.shape[2] // count
    return image[:, image.shape[1] // 2, step // 2 :: step].T


class ClipMaker:
    """Writes lossless little clips; returns their paths."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(
        self,
        name: str,
        frames: Sequence[av.VideoFrame],
        *,
        codec: str = "libx264",
        times: Sequence[int] | None = None,
        time_base: Fraction = Fraction(1, 25),
        tags: tuple[int, int, int, int] | None = None,  # range, matrix, primaries, transfer
        options: dict[str, str] | None = None,
        rotation: int | None = None,
        audio: str | None = None,
        rate: int = 44100,
    ) -> Path:
        path = self.folder / name
        if options is None:
            options = {"qp": "0", "preset": "ultrafast"} if codec == "libx264" else {}
        with av.open(f"file:{path}", "w", format=None if path.suffix != ".mkv" else "matroska") as container:
            video: Any = container.add_stream(codec, rate=25, options=options)
            video.width, video.height, video.pix_fmt = frames[0].width, frames[0].height, frames[0].format.name
            video.time_base = video.codec_context.time_base = time_base
            if tags is not None:
                context = video.codec_context
                context.color_range, context.colorspace, context.color_primaries, context.color_trc = tags
            if rotation is not None:
                video.set_display_rotation(rotation)
            sound: Any = container.add_stream(audio, rate=rate, layout="mono") if audio else None
            for index, frame in enumerate(frames):
                frame.pts = index if times is None else times[index]
                frame.time_base = time_base
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            if sound is not None:
                for chunk in sine(sound.codec_context, rate, seconds=1.0):
                    container.mux(sound.encode(chunk))
                container.mux(sound.encode(None))
        return path


def sine(context, rate: int, seconds: float):
    """Audio frames of a 440 Hz tone in the encoder's own sample format."""
    if not context.is_open:
        context.open()
    size = context.frame_size or 1024
    resampler = av.AudioResampler(format=context.format, layout="mono", rate=rate)
    for start in range(0, int(rate * seconds), size):
        t = (start + np.arange(size)) / rate
        tone = (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield from resampler.resample(frame)


@pytest.fixture
def make_clip(tmp_path) -> ClipMaker:
    return ClipMaker(tmp_path)


@pytest.fixture
def bars_frame():
    """Builds a frame of the eight bars' codes."""
    return frame_of_columns


@pytest.fixture
def at_bars():
    """The pixels in the middle of the bars, [8, 3]."""
    return column_centres


@pytest.fixture(scope="session")
def bars():
    """R'G'B' of the 75 % bars [8, 3] and their codes by matrix."""
    return {"rgb": BARS_RGB, "bt709": BARS_709, "smpte170m": BARS_601}


@pytest.fixture
def noise_clip():
    """noise_clip(path, codec, options, muxer): noise in any container; returns the path."""
    forms = {"mjpeg": "yuvj420p", "gif": "rgb8"}

    def write(path: Path, codec: str, options: dict[str, str], muxer: str | None, *, frames: int = 24, gop: int = 8):
        rng = np.random.default_rng(3)
        with av.open(f"file:{path}", "w", format=muxer, options=options) as container:
            video: Any = container.add_stream(codec, rate=25)
            width, height = (720, 576) if codec == "dvvideo" else (96, 64)
            video.width, video.height, video.pix_fmt = width, height, forms.get(codec, "yuv420p")
            video.codec_context.gop_size = gop
            for number in range(3 if codec == "dvvideo" else frames):
                frame = av.VideoFrame(width, height, video.pix_fmt)
                for plane in frame.planes:
                    np.frombuffer(memoryview(plane), np.uint8)[:] = rng.integers(40, 200, plane.buffer_size)
                frame.pts = number
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        return path

    return write
