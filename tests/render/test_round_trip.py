"""--sdr-exact and restore: a sidecar that leads back to the SDR, bound to its file; a gain map behind the source."""

import zipfile
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

from lumaflux.backends.torch import TorchBackend
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.media.video.reader import VideoReader
from lumaflux.model.build import build
from lumaflux.model.presets import TINY
from lumaflux.render import Job, convert
from lumaflux.render.restore import restore
from lumaflux.settings import Settings

HIGHLIGHTS = replace(TINY, name="highlights", local_light="highlights", working_pixels=1024, tone_bins=4)


@pytest.fixture(scope="module")
def converter():
    return Converter(TorchBackend(build(HIGHLIGHTS, seed=0)))


@pytest.fixture
def run(converter):
    def call(source, target, settings=Settings(), **job):  # noqa: B008
        asked = Job(**{"track": "none", "sdr_exact": True, **job})
        return convert(source, target, lambda: converter, settings, asked)[0]

    return call


def frames_of(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(np.int16) for frame in container.decode(video=0)]


def test_a_video_comes_back_and_says_how_near(make_clip, run, tmp_path):
    report = run(make_clip(frames=3), tmp_path / "hdr.mkv", deliver="ffv1")
    assert report.restored["frames"] == 3
    assert report.restored["psnr"] > 42  # of noise in every color, through 10 bits
    assert restore(tmp_path / "hdr.mkv", tmp_path / "hdr.mkv.sdr", tmp_path / "sdr.mkv") == 3
    frames = frames_of(tmp_path / "sdr.mkv")
    assert (len(frames), frames[0].shape) == (3, (48, 64, 3))
    restore(tmp_path / "hdr.mkv", tmp_path / "hdr.mkv.sdr", tmp_path / "p" / "sdr.%02d.png")
    with Image.open(tmp_path / "p" / "sdr.02.png") as picture:
        assert np.array_equal(np.asarray(picture), frames[2])
    (tmp_path / "other.mkv").write_bytes((tmp_path / "hdr.mkv").read_bytes() + b"\0")
    with pytest.raises(UserError, match="belongs to another file than"):
        restore(tmp_path / "other.mkv", tmp_path / "hdr.mkv.sdr", tmp_path / "no.mkv")
    with pytest.raises(UserError, match=r"gone\.mkv cannot be read .*; name the HDR file of"):
        restore(tmp_path / "gone.mkv", tmp_path / "hdr.mkv.sdr", tmp_path / "no.mkv")
    with pytest.raises(UserError, match="is no sidecar"):
        restore(tmp_path / "hdr.mkv", tmp_path / "hdr.mkv", tmp_path / "no.mkv")
    for named in ("gone.sdr", "."):
        with pytest.raises(
            UserError, match=r"cannot be read \((No such file|Is a directory).*name the sidecar of .*hdr"
        ):
            restore(tmp_path / "hdr.mkv", tmp_path / named, tmp_path / "no.mkv")
    with pytest.raises(UserError, match="cannot hold the restored frames"):
        restore(tmp_path / "hdr.mkv", tmp_path / "hdr.mkv.sdr", tmp_path / "no.mp4")
    assert not (tmp_path / "no.mkv").exists()


def test_a_jpeg_is_its_own_base_to_the_last_bit(run, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", quality=90)
    report = run(tmp_path / "photo.jpg", tmp_path / "hdr.jpg", deliver="ultra-hdr")
    assert report.restored == {"psnr": float("inf"), "largest_error": 0.0, "frames": 1.0}
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    with pytest.raises(UserError, match=r"photo\.png is no JPEG in sRGB or Display P3"):
        run(tmp_path / "photo.png", tmp_path / "no.jpg", deliver="ultra-hdr")
    with pytest.raises(UserError, match="comes back by a gain map; write it with --deliver ultra-hdr"):
        run(tmp_path / "photo.jpg", tmp_path / "no.png")
    assert not (tmp_path / "no.jpg").exists()


def test_what_cannot_be_led_back_is_refused_before_any_work(make_clip, run, tmp_path):
    clip = make_clip(frames=2)
    with pytest.raises(UserError, match="leave --exposure as it is"):
        run(clip, tmp_path / "a.mkv", Settings(exposure=1.0), deliver="ffv1")
    with pytest.raises(UserError, match="leads back from PQ, not from hlg"):
        run(clip, tmp_path / "a.mp4", deliver="hlg")
    with pytest.raises(UserError, match="is of a video's file or a JPEG photograph"):
        run(clip, tmp_path / "a.%04d.exr")
    assert not list(tmp_path.glob("a*"))


def restored_error(folder, source):
    """Largest error in codes of what `restore` gives, against the source as the engine reads it."""
    restore(folder / "hdr.mp4", folder / "hdr.mp4.sdr", folder / "sdr.mkv")
    with VideoReader(source) as reader:
        wanted = [np.floor(frame.sdr * 255 + 0.5).astype(np.int16) for frame in reader]
    made = [np.moveaxis(frame, -1, 0) for frame in frames_of(folder / "sdr.mkv")]
    return [int(np.abs(one - other).max()) for one, other in zip(made, wanted, strict=True)]


def test_a_residual_brings_the_source_back_after_hevc(make_clip, run, tmp_path):
    clip = make_clip(frames=2)
    plain = run(clip, tmp_path / "plain.mp4", crf=12.0).restored
    assert plain["psnr"] < 45
    report = run(clip, tmp_path / "hdr.mp4", crf=12.0, sdr_residual=True)
    assert report.restored["psnr"] == float("inf")  # the source's own coded pictures
    assert report.restored["sidecar_bytes"] == (tmp_path / "hdr.mp4.sdr").stat().st_size / 2
    assert report.restored["residual_bytes"] < report.restored["delivered_bytes"]
    assert any("holds the source's own coded pictures: " in note for note in report.notes)
    assert restored_error(tmp_path, clip) == [0, 0]


def test_the_difference_is_coded_where_the_source_cannot_be_copied(make_clip, run, tmp_path, monkeypatch):
    monkeypatch.setattr("lumaflux.render.sdr_residual._copied", lambda *given: False)
    clip = make_clip(frames=2)
    report = run(clip, tmp_path / "hdr.mp4", crf=12.0, sdr_residual=True)
    assert report.restored["psnr"] > 50
    assert any("holds the difference, coded: " in note for note in report.notes)
    assert max(restored_error(tmp_path, clip)) == report.restored["largest_error"] < 8
    with zipfile.ZipFile(tmp_path / "hdr.mp4.sdr") as archive:
        place = archive.getinfo("residual.mkv").header_offset + 200
    data = bytearray((tmp_path / "hdr.mp4.sdr").read_bytes())
    data[place] ^= 255
    (tmp_path / "damaged.sdr").write_bytes(data)
    with pytest.raises(UserError, match="has no sound residual"):
        restore(tmp_path / "hdr.mp4", tmp_path / "damaged.sdr", tmp_path / "no.mkv")
    assert not (tmp_path / "no.mkv").exists()


def test_a_residual_without_a_sidecar_or_of_a_photograph_is_refused(run, tmp_path):
    with pytest.raises(UserError, match="--sdr-residual adds to the sidecar of --sdr-exact"):
        Job(sdr_residual=True)
    Image.new("RGB", (64, 48)).save(tmp_path / "photo.jpg")
    with pytest.raises(UserError, match="is of a video; a photograph comes back by its own bytes"):
        run(tmp_path / "photo.jpg", tmp_path / "hdr.jpg", deliver="ultra-hdr", sdr_residual=True)
