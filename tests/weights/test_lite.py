"""The shipped model: sound, small, and what it makes of the example reads back right."""

from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

import lumaflux
from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.color.ycbcr import from_codes, upsample_420, ycbcr_to_rgb
from lumaflux.inference.weights import LITE
from lumaflux.media.metadata.info import probe
from lumaflux.media.video.reader import VideoReader
from lumaflux.model.checkpoint import read_tensors
from lumaflux.render import Job, convert
from lumaflux.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "rooftop-sdr.mp4"


@pytest.fixture(scope="module")
def lite():
    return lumaflux.load("lite", device="cpu")


@pytest.fixture(scope="module")
def sdr():
    with VideoReader(EXAMPLE) as reader:
        return next(islice(reader, 20, None)).sdr


def test_files_are_small_and_carry_their_header():
    assert sum(path.stat().st_size for path in LITE.iterdir()) < 20e6
    _, metadata = read_tensors(LITE / "adapters.safetensors")
    assert metadata["format"] == "lumaflux-adapters"
    assert metadata["licence"] == "Apache-2.0"
    assert (LITE / "README.md").read_text().startswith("#")


def test_it_expands_the_example_and_keeps_its_structure(lite, sdr):
    result = lite.convert(sdr)
    before, after = luminance(sdr)[0], luminance(pq.eotf(result.hdr_pq))[0]
    assert 203 < np.quantile(after, 0.999) <= 1000.5
    assert np.corrcoef(before.ravel(), pq.inverse_eotf(after).ravel())[0, 1] > 0.97


def test_a_flat_grey_stays_nearly_grey(lite):
    for level in (0.1, 0.4, 0.8):
        rgb = lite.convert(np.full((3, 64, 64), level, dtype=np.float32)).hdr_pq.mean(axis=(1, 2))
        assert np.ptp(rgb) < 0.03


def test_light_levels_and_tags_of_the_example_read_back_right(lite, tmp_path):
    source, target = first_frames(tmp_path / "sdr.mkv", 2), tmp_path / "hdr.mp4"
    (report,) = convert(source, target, lambda: lite, Settings(steps=1), Job())
    info = probe(target)
    assert (info.transfer.value, info.primaries.value, info.matrix.value) == ("pq", "bt2020", "bt2020nc")
    assert info.mastering_display is not None
    assert (info.bit_depth, info.range.value, info.mastering_display.max_nits) == (10, "limited", 1000)
    assert (info.max_cll, info.max_fall) == (report.max_cll, report.max_fall)
    brightest, averages = zip(*(light_of(frame) for frame in av.open(str(target)).decode(video=0)), strict=True)
    # the stream is lossy: what was sent and what comes back differ a little
    assert info.max_fall == pytest.approx(max(averages), rel=0.03)
    assert info.max_cll == pytest.approx(max(brightest), rel=0.15)


def first_frames(path, count):
    """The example's beginning, without loss."""
    with av.open(str(EXAMPLE)) as whole, av.open(str(path), "w") as part:
        video = whole.streams.video[0]
        stream = part.add_stream("ffv1", rate=video.average_rate)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
            setattr(stream.codec_context, name, getattr(video.codec_context, name))
        for frame in islice(whole.decode(video), count):
            part.mux(stream.encode(frame))
        part.mux(stream.encode())
    return path


def light_of(frame):
    planes = [np.frombuffer(plane, np.uint16).reshape(plane.height, -1)[:, : plane.width] for plane in frame.planes]
    luma = planes[0].astype(np.float32)
    chroma = [upsample_420(plane.astype(np.float32), "topleft", luma.shape) for plane in planes[1:]]
    rgb = ycbcr_to_rgb(from_codes(np.stack([luma, *chroma]), 10, False), BT2020_LUMA)
    nits = pq.eotf(rgb.max(axis=0).clip(0, 1))
    return nits.max(), nits.mean()
