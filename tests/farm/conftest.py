"""The tiny random model, and media for it."""

import pytest
from footage import converter, media, pictures

__all__ = ["converter", "media"]


@pytest.fixture
def order(media):
    """An order for clip.mp4 with the tiny model on the CPU."""
    from lumaflux.farm.job_spec import JobSpec

    def make(source="clip.mp4", **changes):
        return JobSpec(**{"source": media / source, "model": "tiny", "device": "cpu", **changes})

    return make


@pytest.fixture
def render(order, converter):
    """Renders frames of an order into a folder, in this process; returns the chunk."""
    from lumaflux.farm.frames import open_renderer, render_frames
    from lumaflux.farm.job import JobFolder
    from lumaflux.media.stills.frame_numbers import frame_list

    def call(folder, frames=None, load=lambda: converter, source="clip.mp4", of=None, **changes):
        job = JobFolder(folder)
        renderer = open_renderer(order(source, frames=of, **changes), job)
        renderer.load_converter = load
        return render_frames(job, renderer, frame_list(frames or renderer.manifest.frames))

    return call


@pytest.fixture(scope="session")
def undisturbed(media, converter, tmp_path_factory):
    """The pictures of clip.mp4 from one whole run, by file name."""
    from lumaflux.farm.frames import open_renderer, render_frames
    from lumaflux.farm.job import JobFolder
    from lumaflux.farm.job_spec import JobSpec

    folder = tmp_path_factory.mktemp("undisturbed")
    job = JobFolder(folder)
    renderer = open_renderer(JobSpec(source=media / "clip.mp4", model="tiny", device="cpu"), job)
    renderer.load_converter = lambda: converter
    render_frames(job, renderer, range(24))
    return pictures(folder)
