"""The tiny random model, and media for it."""

from pathlib import Path

import pytest
from footage import grey_of, pictures, write_clip, write_picture


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


@pytest.fixture
def order(media):
    """An order for clip.mp4 with the tiny model on the CPU."""
    from lumaflux.farm.manifest import Order

    def make(source="clip.mp4", **changes):
        return Order(**{"source": media / source, "model": "tiny", "device": "cpu", **changes})

    return make


@pytest.fixture
def render(order, converter):
    """Renders frames of an order into a folder, in this process; returns the chunk."""
    from lumaflux.farm.frame_set import parse_frames
    from lumaflux.farm.frames import open_renderer, render_frames
    from lumaflux.farm.job import JobFolder

    def call(folder, frames=None, load=lambda: converter, source="clip.mp4", of=None, **changes):
        job = JobFolder(folder)
        renderer = open_renderer(order(source, frames=of, **changes), job)
        renderer.load_converter = load
        return render_frames(job, renderer, parse_frames(frames or renderer.manifest.frames))

    return call


@pytest.fixture(scope="session")
def undisturbed(media, converter, tmp_path_factory):
    """The pictures of clip.mp4 from one whole run, by file name."""
    from lumaflux.farm.frames import open_renderer, render_frames
    from lumaflux.farm.job import JobFolder
    from lumaflux.farm.manifest import Order

    folder = tmp_path_factory.mktemp("undisturbed")
    job = JobFolder(folder)
    renderer = open_renderer(Order(source=media / "clip.mp4", model="tiny", device="cpu"), job)
    renderer.load_converter = lambda: converter
    render_frames(job, renderer, range(24))
    return pictures(folder)
