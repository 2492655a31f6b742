"""--sdr-exact and restore: a sidecar that leads back to the SDR, bound to its file; a gain map behind the source."""

import json
import zipfile
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

from lumaflux.backends.torch import TorchBackend
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.inference.inverse import packed
from lumaflux.media.video.reader import VideoReader
from lumaflux.model.build import build
from lumaflux.model.presets import TINY
from lumaflux.progress import restored_lines
from lumaflux.render import Job, convert
from lumaflux.render.restore import restore
from lumaflux.render.restored_error import compared_frames
from lumaflux.render.sdr_sidecar import Sidecar
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
    again = restore(tmp_path / "hdr.mkv", tmp_path / "hdr.mkv.sdr", tmp_path / "sdr.mkv")
    assert again["frames"] == 3
    assert again["measured"].items() <= report.restored.items()
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
    assert report.restored == {"psnr": float("inf"), "largest_error": 0.0, "frames": 1}
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


@pytest.fixture
def cut_clip(tmp_path):
    """Writes a clip of two shots: ten frames of dark soft shapes, and fourteen of bright stripes."""

    def make(name="cut.mp4"):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
            rows, columns = np.mgrid[0:32, 0:32]
            for number in range(24):
                soft = 40 + 30 * np.sin(columns / 9 + number / 20) * np.cos(rows / 7)
                grey = soft if number < 10 else 150 + 90 * ((columns // 4) % 2)
                pixels = np.stack([grey, 0.8 * grey, 0.6 * grey], -1).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode(None))
        return tmp_path / name

    return make


@pytest.mark.parametrize("asked", [{}, {"sdr_residual": True}, {"frames": "2-20"}])
def test_every_shot_says_how_near_it_comes(cut_clip, run, tmp_path, asked):
    report = run(cut_clip(), tmp_path / "hdr.mp4", crf=12.0, **asked)
    rows = report.restored["shots"]
    shots = [(0, 7), (8, 18)] if "frames" in asked else [(0, 9), (10, 23)]
    assert [(row["first"], row["last"]) for row in rows] == shots
    assert report.restored["frames"] == sum(row["frames"] for row in rows)
    assert report.restored["largest_error"] == max(row["largest_error"] for row in rows)
    lines = restored_lines(report.restored)
    assert [line.split(":")[0].strip() for line in lines[1:]] == [f"frames {first}-{last}" for first, last in shots]
    made = restore(tmp_path / "hdr.mp4", tmp_path / "hdr.mp4.sdr", tmp_path / "sdr.mkv")
    assert made["measured"]["shots"] == rows
    with VideoReader(tmp_path / "cut.mp4") as reader:
        source = [np.floor(frame.sdr * 255 + 0.5).astype(np.int16) for frame in reader]
    back = [np.moveaxis(frame, -1, 0) for frame in frames_of(tmp_path / "sdr.mkv")]
    begin = 2 if "frames" in asked else 0
    for row in rows:  # shots of up to twelve frames are compared whole
        if row["frames"] == row["last"] + 1 - row["first"]:
            places = range(row["first"], row["last"] + 1)
            errors = [np.abs(back[place] - source[place + begin]).max() for place in places]
            assert row["largest_error"] == max(errors)


def test_of_many_shots_each_is_compared():
    assert compared_frames([range(9)]) == list(range(9))
    assert compared_frames([range(100)])[::11] == [0, 99]
    assert len(compared_frames([range(100)])) == 12
    many = [range(30 * shot, 30 * shot + 30) for shot in range(500)]
    assert compared_frames(many) == [shot[0] for shot in many]


@pytest.fixture(scope="module")
def two_frames(converter, tmp_path_factory):
    """A folder with hdr.mp4 of two small frames, and its sidecar."""
    folder = tmp_path_factory.mktemp("two")
    with av.open(str(folder / "sdr.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "bgr0"
        for number in range(2):
            pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="bgr0")))
        container.mux(stream.encode(None))
    convert(folder / "sdr.mkv", folder / "hdr.mp4", lambda: converter, Settings(), Job(track="none", sdr_exact=True))
    return folder


def damaged_by(change):
    """Writes the archive anew with ``change(name, data)`` of its members; None leaves one out."""

    def write(path, into):
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as made:
            for name in archive.namelist():
                data = change(name, archive.read(name))
                if data is not None:
                    made.writestr(name, data)

    return write


def cut_to(size):
    return lambda path, into: into.write_bytes(path.read_bytes()[:size])


def facts(**changes):
    def change(name, data):
        if name != "facts.json":
            return data
        return json.dumps({key: value for key, value in (json.loads(data) | changes).items() if value is not None})

    return damaged_by(change)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path, into: into.write_bytes(path.read_bytes()[:-40]),
            "is no sidecar of --sdr-exact, or it is damaged",
        ),
        (
            lambda path, into: into.write_bytes(path.read_bytes()[:200]),
            "is no sidecar of --sdr-exact, or it is damaged",
        ),
        (cut_to(0), "is no sidecar of --sdr-exact, or it is damaged"),
        (damaged_by(lambda name, data: None if name == "facts.json" else data), "is no sidecar of --sdr-exact"),
        (damaged_by(lambda name, data: b"[]" if name == "facts.json" else data), "its facts are no table"),
        (damaged_by(lambda name, data: b"{" if name == "facts.json" else data), "is no sidecar of --sdr-exact"),
        (facts(version=3), "is no sidecar of this version; convert the source again"),
        (facts(version=None), "is no sidecar of this version"),
        (facts(format="other"), "is no sidecar of this version"),
        (facts(hdr=None), "belongs to another file than"),
        (facts(hdr="0" * 64), "belongs to another file than"),
        (facts(frames=None), "does not hold the None frames that it says"),
        (facts(frames="two"), "does not hold the two frames that it says"),
        (facts(frames=9), "does not hold the 9 frames that it says"),
        (facts(frames=1), "has 2 frames, its sidecar 1; one of the two is cut short"),
        (damaged_by(lambda name, data: None if name == "000001.bin" else data), "does not hold the 2 frames"),
        (damaged_by(lambda name, data: data[:90] if name == "000001.bin" else data), "has no sound frame 1"),
        (
            damaged_by(lambda name, data: data[:28] + b"\xff" * (len(data) - 28) if name == "000001.bin" else data),
            r"has no sound frame 1 \(its tone holds NaN",
        ),
    ],
)
def test_sidecars_that_are_cut_foreign_or_of_another_version_are_refused(two_frames, tmp_path, damage, message):
    damage(two_frames / "hdr.mp4.sdr", tmp_path / "damaged.sdr")
    with pytest.raises(UserError, match=message):
        restore(two_frames / "hdr.mp4", tmp_path / "damaged.sdr", tmp_path / "no.mkv")
    assert not (tmp_path / "no.mkv").exists()


def test_bytes_that_change_in_a_sidecar_change_nothing_or_are_noticed(two_frames, tmp_path):
    def held(path):
        with Sidecar(path, two_frames / "hdr.mp4") as led:
            return [packed(led.lighting(number)) for number in range(led.frames)]

    whole, wanted = (two_frames / "hdr.mp4.sdr").read_bytes(), held(two_frames / "hdr.mp4.sdr")
    rng, noticed = np.random.default_rng(0), 0
    for place in rng.integers(0, len(whole), 300):
        changed = bytearray(whole)
        changed[place] ^= int(rng.integers(1, 256))
        (tmp_path / "changed.sdr").write_bytes(changed)
        try:
            assert held(tmp_path / "changed.sdr") == wanted
        except UserError:
            noticed += 1
    assert noticed > 150


def test_a_sidecar_of_a_file_of_the_same_size_and_length_is_refused(two_frames, tmp_path):
    other = bytearray((two_frames / "hdr.mp4").read_bytes())
    other[len(other) // 2] ^= 1
    (tmp_path / "other.mp4").write_bytes(other)
    with pytest.raises(UserError, match="belongs to another file than"):
        restore(tmp_path / "other.mp4", two_frames / "hdr.mp4.sdr", tmp_path / "no.mkv")


def test_a_residual_without_a_sidecar_or_of_a_photograph_is_refused(run, tmp_path):
    with pytest.raises(UserError, match="--sdr-residual adds to the sidecar of --sdr-exact"):
        Job(sdr_residual=True)
    Image.new("RGB", (64, 48)).save(tmp_path / "photo.jpg")
    with pytest.raises(UserError, match="is of a video; a photograph comes back by its own bytes"):
        run(tmp_path / "photo.jpg", tmp_path / "hdr.jpg", deliver="ultra-hdr", sdr_residual=True)
