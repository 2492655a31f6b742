"""Little clips and pictures whose frames can be told apart by their grey, and the tiny random model for them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

RATE = 24


def grey_of(number: int) -> int:
    return 40 + 6 * number


def write_clip(path: Path, frames: int, rate: Fraction | int = RATE, step: int = 6) -> None:
    """Frame n is a ramp over a grey that rises by ``step`` (grey_of(n) for 6)."""
    ramp = np.linspace(0, 30, 48, dtype=np.uint8)[None].repeat(32, 0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"qp": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for number in range(frames):
            planes = np.full((48, 48), 128, np.uint8)
            planes[:32] = ramp + np.uint8((40 + step * number) % 190)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_picture(path: Path, grey: int) -> None:
    from PIL import Image

    ramp = np.linspace(0, 30, 48, dtype=np.uint8)[None].repeat(32, 0) + np.uint8(grey)
    Image.fromarray(np.stack([ramp] * 3, -1)).save(path)


def luma_means(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.to_ndarray()[: frame.height].mean()) for frame in container.decode(video=0)]


def pictures(folder: Path) -> dict[str, bytes]:
    """The frames of a job's folder: contents by file name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


@pytest.fixture(scope="session")
def converter():
    from lumaflux.inference.load import load

    return load("tiny", device="cpu")


@pytest.fixture(scope="session")
def media(tmp_path_factory) -> Path:
    """A folder with clip.mp4 and other.mp4 (24 frames each at 24 frames/s) and plates/plate.1001.png to 1012."""
    folder = tmp_path_factory.mktemp("media")
    for name in ("clip.mp4", "other.mp4"):
        write_clip(folder / name, 24)
    (folder / "plates").mkdir()
    for number in range(1001, 1013):
        write_picture(folder / "plates" / f"plate.{number}.png", grey_of(number - 1001))
    return folder
