"""Masks from pictures, sequences and clips: the right one for every frame, or a sentence."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image

from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import FrameError, UserError
from lumaflux.options import SourceOptions
from lumaflux.render.mask import Mask
from lumaflux.render.source import Source

SIZE = (32, 24)


class Kept:
    """A converter that keeps the masks that it is given."""

    others = ()  # one device

    def __init__(self):
        self.masks = []

    def load(self):
        return self

    def render_timed(self, frame, settings, hooks, *, tone=None, light=None, mask=None):
        self.masks.append(mask)
        return np.asarray(sdr_to_pq(frame, settings.reference_white), dtype=np.float32), {}


@pytest.fixture
def placement():
    return Kept()


@pytest.fixture
def mask_clip(tmp_path):
    """Writes a grey clip of 32x24, lossless; frame n has code 20 n, or red of 255."""

    def make(name="mask.mkv", frames=5, rate=25, tags=(), codec="ffv1", form="bgr0", alpha=255, red=None):
        with av.open(str(tmp_path / name), "w") as container:
            stream: Any = container.add_stream(codec, rate=Fraction(rate))
            stream.width, stream.height = SIZE
            stream.pix_fmt = form
            for attribute, value in tags:
                setattr(stream.codec_context, attribute, value)
            for number in range(frames):
                pixels = np.full((24, 32, 4), 20 * number, np.uint8)
                pixels[..., 0] = 20 * number if red is None else red
                pixels[..., 3] = alpha
                frame = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(format=form)
                frame.pts, frame.time_base = number, 1 / Fraction(rate)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return tmp_path / name

    return make


def greys(masks):
    return [round(255 * float(mask[0, 0])) for mask in masks]


def code(pixels):
    """White in the right half, as 8-bit codes."""
    return np.where(np.arange(32) < 16, 0, pixels)[None].repeat(24, 0)


def test_a_clip_masks_the_frames_of_its_numbers(make_clip, mask_clip, run, placement, tmp_path):
    source = make_clip(frames=5, size=SIZE)
    run(source, tmp_path / "some.mkv", deliver="ffv1", mask=mask_clip(rate=50), frames="1-4:2,4")
    assert greys(placement.masks) == [20, 60, 80]


@pytest.mark.parametrize("first", [0, 1, 1001])
def test_a_clip_masks_a_sequence_from_its_first_number_on(make_pictures, mask_clip, run, placement, tmp_path, first):
    source = make_pictures("s.%04d.png", range(first, first + 5)) / "s.%04d.png"
    mask = mask_clip()
    run(source, tmp_path / "o.%04d.png", mask=mask, frames=f"{first + 1}-{first + 2}")
    run(source, tmp_path / "o.%04d.png", mask=mask, frames=f"{first}-{first + 3}")  # goes on
    assert greys(placement.masks) == [20, 40, 0, 60]


@pytest.mark.parametrize("tags", [(("color_trc", 8),), (("color_trc", 16), ("color_primaries", 9))])
def test_codes_count_as_they_are_stored(mask_clip, make_clip, tags):
    mask = Mask(mask_clip(tags=tags), SIZE, Source(make_clip(frames=5, size=SIZE)))
    assert greys([mask.at(3)]) == [60]  # tagged as linear, as PQ
    mask.close()


@pytest.mark.parametrize("frames", [1, 4, 6])
def test_a_clip_of_another_length_is_refused(make_clip, make_pictures, mask_clip, run, placement, tmp_path, frames):
    pictures = make_pictures("s.%04d.png", range(7, 12)) / "s.%04d.png"
    for source, target in ((make_clip(frames=5, size=SIZE), "o.mkv"), (pictures, "o.%04d.png")):
        with pytest.raises(
            UserError, match=rf"mask.mkv has {frames} frames, .* has 5; it must be as long as the source"
        ):
            run(source, tmp_path / target, mask=mask_clip(frames=frames), frames="7-7" if source == pictures else "0-2")
    assert not placement.masks
    assert not list(tmp_path.glob("o.*"))


def test_a_sequence_masks_by_numbers_and_lacks_none(make_clip, make_pictures, run, placement, tmp_path):
    masks = make_pictures("k.%02d.png", [1, 2, 3]) / "k.%02d.png"
    source = make_clip(frames=5, size=SIZE)
    run(source, tmp_path / "some.mkv", deliver="ffv1", mask=masks, frames="1-3")
    assert [round(255 * float(mask[20, 20])) for mask in placement.masks] == [11, 12, 13]
    with pytest.raises(UserError, match="has no picture 0; number it as the source is, a clip from 0"):
        run(source, tmp_path / "all.mkv", deliver="ffv1", mask=masks)
    assert len(placement.masks) == 3
    assert not list(tmp_path.glob("all*"))


def test_what_is_wrong_on_the_way_keeps_what_is_finished(make_clip, make_pictures, run, tmp_path):
    folder = make_pictures("k.%02d.png", range(5))
    assert oiio.ImageBuf(np.zeros((8, 16, 1), np.uint8)).write(str(folder / "k.03.png"))
    with pytest.raises(FrameError, match=r"k\.03\.png is 16x8, the frames are 32x24 pixels") as ending:
        run(make_clip(frames=5, size=SIZE), tmp_path / "out.mkv", deliver="ffv1", mask=folder / "k.%02d.png")
    assert "the 3 frames that were finished are in" in str(ending.value)
    with av.open(str(tmp_path / "out.partial.mkv")) as partial:
        assert sum(1 for _ in partial.decode(video=0)) == 3


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"codec": "prores_ks", "form": "yuva444p10le", "alpha": 100}, r"\(frame 0\) is transparent in parts"),
        ({"codec": "qtrle", "form": "argb"}, "has alpha, which is not read from this codec; write it without"),
        ({"codec": "qtrle", "form": "rgb24", "red": 255}, r"\(frame 0\) is colored"),
    ],
)
def test_clips_that_say_something_else_are_refused(make_clip, mask_clip, run, tmp_path, asked, message):
    with pytest.raises(UserError, match=message):
        run(make_clip(frames=5, size=SIZE), tmp_path / "out.mkv", deliver="ffv1", mask=mask_clip("m.mov", **asked))
    assert not list(tmp_path.glob("out*"))


def test_opaque_alpha_says_nothing(make_clip, mask_clip):
    opaque = mask_clip("m.mov", codec="prores_ks", form="yuva444p10le")
    mask = Mask(opaque, SIZE, Source(make_clip(frames=5, size=SIZE)))
    assert greys([mask.at(4)]) == pytest.approx([80], abs=1)
    mask.close()


def as_float(name, channels):
    return lambda path, pixels: oiio.ImageBuf(np.stack([pixels] * channels, -1).astype(np.float32)).write(
        str(path / name)
    )


def as_pillow(name, **saved):
    return lambda path, pixels: Image.fromarray(np.round(255 * pixels).astype(np.uint8)).save(path / name, **saved)


def with_16_bits(path, pixels):
    Image.fromarray(np.round(65535 * pixels).astype(np.uint16)).save(path / "deep.png")


def of_one_bit(path, pixels):
    Image.fromarray((255 * pixels).astype(np.uint8)).convert("1").save(path / "one.tif", compression="group4")


def turned(path, pixels):
    picture = Image.fromarray(np.rot90(255 * pixels).astype(np.uint8))
    exif = picture.getexif()
    exif[0x112] = 6
    picture.save(path / "turned.jpg", exif=exif, quality=100)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (as_pillow("grey.png"), "grey.png"),
        (as_pillow("grey.jpg"), "grey.jpg"),
        (with_16_bits, "deep.png"),
        (of_one_bit, "one.tif"),
        (turned, "turned.jpg"),
        (as_float("linear.exr", 3), "linear.exr"),
        (as_float("float.tif", 1), "float.tif"),
    ],
)
def test_pictures_of_every_depth_say_0_to_1(tmp_path, write, name):
    write(tmp_path, code(1.0))
    mask = Mask(tmp_path / name, SIZE).at(5)
    assert mask.shape == (24, 32)
    assert (mask[:, :15].max(), mask[:, 17:].min()) == (0, pytest.approx(1, abs=1e-3))


def with_alpha(path, pixels):
    grey = Image.fromarray((255 * pixels).astype(np.uint8))
    Image.merge("LA", [grey, grey]).save(path / "m.png")


def colored(path, pixels):
    Image.fromarray((255 * np.stack([pixels, 0 * pixels, 0 * pixels], -1)).astype(np.uint8)).save(path / "m.png")


def lab(path, pixels):
    Image.fromarray((255 * pixels).astype(np.uint8)).convert("RGB").convert("LAB").save(path / "m.tif")


def animated(path, pixels):
    frames = [Image.fromarray((value * pixels).astype(np.uint8)) for value in (255, 128)]
    frames[0].save(path / "m.gif", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("write", "name", "white", "message"),
    [
        (with_alpha, "m.png", 1.0, "is transparent in parts, which says nothing; flatten it"),
        (colored, "m.png", 1.0, "is colored, which says nothing; paint it in grey"),
        (lab, "m.tif", 1.0, "is colored"),
        (animated, "m.gif", 1.0, "is of many frames, and one picture is masked"),
        (as_float("m.exr", 3), "m.exr", np.nan, "is no plain picture .*NaN values"),
        (as_float("m.tif", 3), "m.tif", np.inf, "is no plain picture .*infinite values"),
        (as_float("m.exr", 1), "m.exr", 255.0, "holds values from 0 to 255; paint it from 0"),
        (as_float("m.tif", 1), "m.tif", -1.0, "holds values from -1 to 0; paint it from 0"),
    ],
)
def test_pictures_that_say_something_else_are_refused(tmp_path, write, name, white, message):
    write(tmp_path, code(white))
    with pytest.raises(UserError, match=message):
        Mask(tmp_path / name, SIZE)


def test_a_folder_and_pictures_for_one_are_refused(make_pictures, mask_clip, tmp_path):
    masks = make_pictures("k.%02d.png", [0])
    with pytest.raises(UserError, match="is a directory; name a picture"):
        Mask(masks, SIZE)
    for many in (masks / "k.%02d.png", mask_clip(frames=1)):
        with pytest.raises(UserError, match="is of many frames, and one picture is masked"):
            Mask(many, SIZE)


def test_a_clip_is_deinterlaced_as_the_source_is(make_clip, mask_clip):
    fields = make_clip("fields.mkv", frames=5, size=SIZE, options={"x264-params": "interlaced=1:tff=1"})
    plain = make_clip(frames=5, size=SIZE)
    with pytest.raises(UserError, match=r"fields\.mkv is interlaced"):
        Mask(fields, SIZE, Source(plain)).at(0)
    mask = Mask(mask_clip(), SIZE, Source(fields, SourceOptions(interlaced="progressive")))
    assert greys([mask.at(2)]) == [40]
    mask.close()
