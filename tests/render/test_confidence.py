"""The truth matte in files, and masks from pictures, sequences and clips."""

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.render.mask import Mask


class Marked:
    """A converter that calls as much of a pixel invented as its mask permits; a quarter of the rest is extended."""

    others = ()  # one device

    def __init__(self):
        self.masks = []

    def load(self):
        return self

    def render_timed(self, frame, settings, hooks, *, tone=None, light=None, mask=None):
        import torch

        self.masks.append(mask)
        made = np.ones(frame.shape[1:], np.float32) if mask is None else mask
        if hooks.on_matte is not None:
            hooks.on_matte(torch.as_tensor(np.stack([0.75 * (1 - made), 0.25 * (1 - made), made]))[None])
        return np.asarray(sdr_to_pq(frame, settings.reference_white), dtype=np.float32), {}


@pytest.fixture
def placement():
    return Marked()


@pytest.fixture
def mask(tmp_path):
    """White in the right half of 32x24 pixels."""

    def make(name, size=(24, 32), white=255):
        pixels = np.zeros((*size, 1), np.uint8)
        pixels[:, size[1] // 2 :] = white
        path = tmp_path / name
        assert oiio.ImageBuf(pixels).write(str(path))
        return path

    return make


def pixels_of(path):
    buffer = oiio.ImageBuf(str(path))
    return buffer.get_pixels(oiio.FLOAT), buffer.spec()


def test_a_picture_has_a_matte_and_sums(make_pictures, run, mask, tmp_path):
    source = make_pictures("p%d.png", [1]) / "p1.png"
    report = run(source, tmp_path / "out.png", matte=tmp_path / "matte.png", mask=mask("mask.png"))[0]
    found, _ = pixels_of(tmp_path / "matte.png")
    assert np.allclose(found[:, :16], [0.75, 0.25, 0.0], atol=1e-4)
    assert np.allclose(found[:, 16:], [0.0, 0.0, 1.0], atol=1e-4)
    assert report.confidence == pytest.approx({"measured": 0.375, "extended": 0.125, "invented": 0.5}, abs=1e-6)


def test_a_matte_may_go_into_the_channels_of_the_result(make_pictures, run, mask, tmp_path):
    source = make_pictures("p%d.png", [1], channels=4) / "p1.png"
    run(source, tmp_path / "out.exr", matte="channels", mask=mask("mask.png"))
    found, spec = pixels_of(tmp_path / "out.exr")
    names = list(spec.channelnames)
    assert sorted(names) == sorted(
        ["R", "G", "B", "A", "confidence.measured", "confidence.extended", "confidence.invented"]
    )
    assert np.allclose(found[:, 16:, names.index("confidence.invented")], 1.0)
    assert np.allclose(found[:, :16, names.index("confidence.measured")], 0.75)
    with pytest.raises(UserError, match="exr-aces has no channels for a matte"):
        run(source, tmp_path / "aces.exr", matte="channels", deliver="exr-aces")


def test_a_clip_has_a_clip_of_mattes_or_pictures(make_clip, run, mask, tmp_path):
    source = make_clip(frames=3)
    held = mask("mask.png", (48, 64))
    report = run(source, tmp_path / "out.mkv", deliver="ffv1", matte=tmp_path / "matte.mkv", mask=held)[0]
    with av.open(str(tmp_path / "matte.mkv")) as clip, av.open(str(tmp_path / "out.mkv")) as result:
        frames = list(clip.decode(video=0))
        times = [float(frame.time) for frame in result.decode(video=0)]
    assert [float(frame.time) for frame in frames] == pytest.approx(times, abs=1e-3)
    assert np.array_equal(frames[2].to_ndarray(format="rgb24")[0, -1], [0, 0, 255])
    assert np.array_equal(frames[2].to_ndarray(format="rgb24")[0, 0], [191, 64, 0])
    assert sum(report.confidence.values()) == pytest.approx(1.0)
    run(source, tmp_path / "again.mkv", deliver="ffv1", matte=tmp_path / "m" / "matte.%02d.png")
    assert sorted(file.name for file in (tmp_path / "m").iterdir()) == ["matte.00.png", "matte.01.png", "matte.02.png"]


def test_a_sequence_resumes_where_a_matte_is_missing(make_pictures, run, mask, placement, tmp_path):
    source = make_pictures("s.%04d.png", range(7, 10)) / "s.%04d.png"
    asked = {"matte": tmp_path / "m.%04d.exr", "mask": mask("mask.png")}
    run(source, tmp_path / "o.%04d.png", **asked)
    _, spec = pixels_of(tmp_path / "m.0008.exr")
    assert set(spec.channelnames) == {"confidence.measured", "confidence.extended", "confidence.invented"}
    (tmp_path / "m.0008.exr").unlink()
    before = len(placement.masks)
    report = run(source, tmp_path / "o.%04d.png", **asked)[0]
    assert (report.frames, report.skipped, len(placement.masks) - before) == (1, 2, 1)
    assert (tmp_path / "m.0008.exr").is_file()
    with pytest.raises(UserError, match="another mask"):  # frames under another mask are other frames
        run(source, tmp_path / "o.%04d.png", matte=asked["matte"], mask=mask("other.png", white=100))


def test_what_a_lossy_clip_leaves_of_black_forbids(mask):
    assert not Mask(mask("nearly.png", white=2), (32, 24)).at(0).any()


@pytest.mark.parametrize(
    ("target", "asked", "message"),
    [
        ("out.png", {"matte": "matte.jpg"}, "matte.jpg cannot hold this matte; name a .png or an .exr"),
        ("out.png", {"mask": "small"}, "is 16x8, the frames are 32x24 pixels; paint it at the frames' size"),
        ("out.png", {"matte": "out.png"}, "is the result itself"),
        ("out.png", {"matte": "there.png"}, "there.png exists already"),
        ("out.png", {"matte": "channels"}, "png has no channels for a matte"),
    ],
)
def test_bad_mattes_and_masks_leave_nothing(make_pictures, run, mask, placement, tmp_path, target, asked, message):
    source = make_pictures("p%d.png", [1]) / "p1.png"
    (tmp_path / "there.png").write_bytes(b"kept")
    named = {
        key: mask("small.png", (8, 16)) if value == "small" else value if value == "channels" else tmp_path / value
        for key, value in asked.items()
    }
    with pytest.raises(UserError, match=message):
        run(source, tmp_path / target, **named)
    assert not (tmp_path / target).exists()
    assert not placement.masks
