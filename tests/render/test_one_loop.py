"""One clip through every door: the same frame becomes the same bits, trimmed, with handles, in chunks, in a worker."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import OpenImageIO as oiio
import pytest
import torch

import lumaflux
from lumaflux.farm.frames import open_renderer, render_frames
from lumaflux.farm.job import JobFolder
from lumaflux.farm.job_spec import JobSpec
from lumaflux.inference.tone_track import text_of
from lumaflux.inference.weights import weights_identity
from lumaflux.media.video.reader import VideoReader
from lumaflux.options import ModelOptions
from lumaflux.render import Job, convert
from lumaflux.render.analysis import track_of
from lumaflux.render.source import Source
from lumaflux.render.tones import ToneRequest, analyze
from lumaflux.service.parameters import RenderParameters
from lumaflux.service.renderer import Renderer
from lumaflux.settings import Settings

FRAMES, CUT = 30, 19
MODEL = ModelOptions(model="tiny", device="cpu")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """A farm's job fixes its threads, for sums depend on their number; here every door has one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def converter():
    loaded = lumaflux.load("tiny", device="cpu")
    head = loaded.backend.network.adapters.tone.head[-1]  # zero at initialisation: every frame would have one curve
    torch.nn.init.normal_(head.weight, std=20.0, generator=torch.Generator().manual_seed(0))
    return loaded


@pytest.fixture(autouse=True)
def loading(converter, monkeypatch):
    monkeypatch.setattr("lumaflux.inference.load.load_chosen", lambda options: converter)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A ramp that brightens from frame to frame, and a cut to another one."""
    path = tmp_path_factory.mktemp("source") / "clip.mkv"
    across = np.linspace(0, 60, 48, dtype=np.uint8)[None].repeat(32, 0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"qp": "0", "preset": "ultrafast", "g": "8"})
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for number in range(FRAMES):
            planes = np.full((48, 48), 128, np.uint8)
            planes[:32] = (across if number < CUT else across[::-1, ::-1] // 2) + np.uint8(30 + 4 * number)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def sdr(clip):
    with VideoReader(clip) as reader:
        return [frame.sdr for frame in reader]


@pytest.fixture(scope="module")
def track(clip, converter, tmp_path_factory):
    path = tmp_path_factory.mktemp("track") / "track.json"
    asked = ToneRequest(converter=converter, model=weights_identity(MODEL), settings=Settings())
    path.write_text(text_of(analyze(Source(clip), asked)))
    return path


@pytest.fixture(scope="module")
def whole(clip, converter, tmp_path_factory):
    """The codes of 16 bit [H,W,3] of every frame, by `lumaflux convert`, which finds the track itself."""
    folder = tmp_path_factory.mktemp("whole")
    convert(clip, folder / "f.%04d.png", lambda: converter, Settings(), Job(model="tiny", device="cpu"))
    return [codes(folder / f"f.{number:04d}.png") for number in range(FRAMES)]


def codes(path):
    return oiio.ImageBuf(str(path)).get_pixels(oiio.UINT16)


def luma(path):
    with av.open(str(path)) as container:
        return [np.frombuffer(b"".join(map(bytes, frame.planes)), np.uint16) for frame in container.decode(video=0)]


def test_the_tone_of_a_part_is_another_one(clip, converter, sdr, whole):
    """Else nothing here would prove anything: a track of frames 7 to 18 alone grades them many codes away."""
    part = track_of(sdr[7:19], converter, Settings(), clip, "tiny")
    apart = converter.render(sdr[7], Settings(), part.tone_at(0)).transpose(1, 2, 0)
    assert np.abs(apart - whole[7] / 65535).max() * 65535 > 16


def test_trimmed(clip, converter, whole, tmp_path):
    job = Job(model="tiny", device="cpu", frames="7-18,25")
    convert(clip, tmp_path / "part" / "f.%04d.png", lambda: converter, Settings(), job)
    for number in (*range(7, 19), 25):
        np.testing.assert_array_equal(codes(tmp_path / "part" / f"f.{number:04d}.png"), whole[number])


def test_a_preview_under_the_track(clip, converter, track, whole, tmp_path):
    job = Job(model="tiny", device="cpu", preview=20, track=str(track))
    convert(clip, tmp_path / "p.png", lambda: converter, Settings(), job)
    np.testing.assert_array_equal(codes(tmp_path / "p.png"), whole[20])


def test_in_chunks_on_a_farm(clip, converter, whole, tmp_path):
    for chunk in ([21, 22, 23], [7, 8, 9, 10], [19]):
        job = JobFolder(tmp_path / "farm")
        renderer = open_renderer(JobSpec(source=clip, model="tiny", device="cpu"), job)
        assert render_frames(job, renderer, chunk).rendered == chunk
        for number in chunk:
            np.testing.assert_array_equal(codes(job.picture(number)), whole[number])


def test_on_a_timeline_with_handles(clip, converter, tmp_path):
    otio = pytest.importorskip("opentimelineio")
    from lumaflux.timeline.plan import TimelineOptions
    from lumaflux.timeline.render import render_timeline

    reel = otio.schema.Timeline(name="reel")
    reel.tracks.append(otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video))
    span = otio.opentime.TimeRange(otio.opentime.RationalTime(10, 24), otio.opentime.RationalTime(6, 24))
    reference = otio.schema.ExternalReference(target_url=str(clip))
    reel.tracks[0].append(otio.schema.Clip(name="a", media_reference=reference, source_range=span))
    otio.adapters.write_to_file(reel, str(tmp_path / "reel.otio"))
    options = TimelineOptions(all_clips=True, handles=3, container=".mkv", deliver="ffv1", model="tiny", device="cpu")
    outcome = render_timeline(tmp_path / "reel.otio", tmp_path / "out", lambda asked: converter, options)
    assert (outcome.made, outcome.frames, outcome.skipped) == (1, 12, [])
    (made,) = (tmp_path / "out").glob("*.mkv")
    job = Job(model="tiny", device="cpu", deliver="ffv1")
    convert(clip, tmp_path / "whole.mkv", lambda: converter, Settings(), job)
    shown, wanted = luma(made), luma(tmp_path / "whole.mkv")
    assert (len(shown), len(wanted)) == (12, FRAMES)
    for number, frame in enumerate(shown, 7):
        np.testing.assert_array_equal(frame, wanted[number])


def test_in_the_worker(sdr, converter, track, whole):
    renderer = Renderer(MODEL)
    for number in (0, 8, 19, 29):
        parameters = RenderParameters(model="tiny", tone_track=str(track), track_start=100, host_frame=100 + number)
        rendered = renderer.render_frame(np.ascontiguousarray(sdr[number].transpose(1, 2, 0)), parameters).pixels
        np.testing.assert_array_equal(np.floor(rendered * np.float32(65535) + np.float32(0.5)), whole[number])


def test_pictures_are_frames_that_stand_alone(sdr, converter, tmp_path):
    """A picture, a clip without a track and the worker without one give the same bits."""
    pixels = np.ascontiguousarray(np.round(sdr[5].transpose(1, 2, 0) * 255).astype(np.uint8))
    assert oiio.ImageBuf(pixels).write(str(tmp_path / "p.0005.png"))
    job = Job(model="tiny", device="cpu", input_transfer="srgb")
    convert(tmp_path / "p.0005.png", tmp_path / "still.png", lambda: converter, Settings(), job)
    sequence = replace(job, track="none")
    convert(tmp_path / "p.%04d.png", tmp_path / "s" / "f.%04d.png", lambda: converter, Settings(), sequence)
    np.testing.assert_array_equal(codes(tmp_path / "still.png"), codes(tmp_path / "s" / "f.0005.png"))
    rendered = Renderer(MODEL).render_frame(pixels, RenderParameters(model="tiny", input_space="srgb")).pixels
    exact = codes(tmp_path / "still.png").astype(np.float64) / 257
    assert np.abs(rendered - exact).max() <= 0.5 + 1e-6  # the worker rounds to the host's 8 bit
