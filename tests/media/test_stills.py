import math
import os
import struct

import colour
import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.errors import UserError
from lumaflux.media.metadata.info import probe
from lumaflux.media.stills import png_chunks
from lumaflux.media.stills.picture import read_still, write_still

KINDS = {".png": 0, ".tif": 0, ".webp": 0, ".jpg": 0.02}


def _save(path, pixels, **attributes):
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], pixels.dtype.name)
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), value)
    if path.suffix == ".webp":
        spec.attribute("compression", "lossless")
    output = oiio.ImageOutput.create(path.suffix[1:])
    assert output is not None
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.ascontiguousarray(pixels))
    assert output.close()
    return path


def _smooth(height, width, dtype=np.uint8):
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    picture = np.stack([0.2 + 0.6 * x, 0.8 - 0.5 * y, 0.3 + 0.4 * x * y], axis=-1)
    return np.round(picture * np.iinfo(dtype).max).astype(dtype)


def _insert(path, *chunks):
    """Put chunks after a PNG file's IHDR."""
    with open(path, "rb") as source:
        tagged = path.with_name("tagged-" + path.name)
        with open(tagged, "wb") as target:
            png_chunks.copy_with(source, target, b"".join(chunks))
    return tagged


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("size", [(1, 1), (17, 31), (24, 40)])
def test_pictures_come_back(tmp_path, suffix, size):
    pixels = _smooth(*size)
    still = read_still(_save(tmp_path / f"a{suffix}", pixels))
    assert still.sdr.dtype == np.float32
    assert still.sdr.shape == (3, *size)
    assert still.transfer == "srgb"
    assert (still.info.kind, still.info.width, still.info.height) == ("still", size[1], size[0])
    np.testing.assert_allclose(still.sdr, np.moveaxis(pixels, -1, 0) / 255, atol=max(KINDS[suffix], 1e-6))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits(tmp_path, suffix):
    pixels = _smooth(9, 13, np.uint16)
    still = read_still(_save(tmp_path / f"a{suffix}", pixels))
    assert still.info.bit_depth == 16
    np.testing.assert_allclose(still.sdr, np.moveaxis(pixels, -1, 0) / 65535, atol=1e-7)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_grey_and_alpha(tmp_path, channels):
    pixels = np.random.default_rng(4).integers(0, 255, (6, 7, channels), dtype=np.uint8)
    still = read_still(_save(tmp_path / "a.png", pixels, oiio__UnassociatedAlpha=1))
    colours = pixels[..., :3] if channels == 4 else np.repeat(pixels[..., :1], 3, axis=-1)
    np.testing.assert_allclose(still.sdr, np.moveaxis(colours, -1, 0) / 255, atol=1e-6)
    assert still.info.dropped == ()
    assert still.info.alpha == (channels in (2, 4))
    if channels in (2, 4):
        np.testing.assert_allclose(still.alpha, pixels[..., -1] / 255, atol=1e-6)
    else:
        assert still.alpha is None


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_exif_orientation_is_applied(tmp_path, suffix):
    pixels = _smooth(16, 48)
    still = read_still(_save(tmp_path / f"a{suffix}", pixels, Orientation=6))
    assert (still.info.width, still.info.height, still.info.rotation) == (16, 48, 90)
    want = np.moveaxis(np.rot90(pixels, -1), -1, 0) / 255
    np.testing.assert_allclose(still.sdr, want, atol=max(KINDS[suffix], 1e-6))


def test_display_p3_is_converted(tmp_path):
    codes = np.array([[[0.5, 0.5, 0.5], [0.6, 0.4, 0.35], [1.0, 0.0, 0.0]]])
    pixels = np.round(codes * 255).astype(np.uint8)
    plain = _save(tmp_path / "a.png", pixels)
    still = read_still(_insert(plain, png_chunks.chunk(b"cICP", bytes([12, 13, 0, 1]))))
    assert (still.info.primaries.value, still.info.primaries.source) == ("p3-d65", "tagged")
    p3, srgb = colour.RGB_COLOURSPACES["Display P3"], colour.RGB_COLOURSPACES["sRGB"]
    want = colour.RGB_to_RGB(pixels / 255, p3, srgb, apply_cctf_decoding=True, apply_cctf_encoding=True)
    np.testing.assert_allclose(np.moveaxis(still.sdr, 0, -1), want.clip(0, 1), atol=2e-3)


def test_bt709_transfer_is_told(tmp_path):
    tagged = _insert(_save(tmp_path / "a.png", _smooth(4, 4)), png_chunks.chunk(b"cICP", bytes([1, 1, 0, 1])))
    assert read_still(tagged).transfer == "bt709"


def test_unknown_codes_are_refused_not_ignored(tmp_path):
    for codes, words in ((13, 13), r"unknown \(code 13\) primaries"), ((1, 21), r"unknown \(code 21\) transfer"):
        tagged = _insert(_save(tmp_path / "a.png", _smooth(4, 4)), png_chunks.chunk(b"cICP", bytes([*codes, 0, 1])))
        with pytest.raises(UserError, match=words):
            read_still(tagged)
        (tmp_path / "a.png").unlink()


@pytest.mark.parametrize("code", [16, 18])
def test_hdr_pictures_are_refused_unless_forced(tmp_path, code):
    pixels = _smooth(4, 6)
    tagged = _insert(_save(tmp_path / "a.png", pixels), png_chunks.chunk(b"cICP", bytes([9, code, 0, 1])))
    with pytest.raises(UserError, match=r"is HDR already.*--force-sdr"):
        read_still(tagged)
    np.testing.assert_allclose(read_still(tagged, allow_hdr=True).sdr, np.moveaxis(pixels, -1, 0) / 255, atol=1e-6)


@pytest.mark.parametrize("suffix", KINDS)
def test_cut_pictures_are_refused(tmp_path, suffix):
    path = _save(tmp_path / f"a{suffix}", np.random.default_rng(1).integers(0, 255, (40, 50, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(UserError, match="truncated or damaged"):
        read_still(path)


@pytest.mark.parametrize("size", [(1, 1), (31, 17), (3, 8192)])
def test_hdr_png_round_trip(tmp_path, size):
    hdr = np.random.default_rng(6).uniform(0, 0.8, (3, *size)).astype(np.float32)
    path = tmp_path / "out.png"
    levels = write_still(path, hdr, master_peak_nits=1000)
    back = read_still(path, allow_hdr=True)
    np.testing.assert_allclose(back.sdr, hdr, atol=0.51 / 65535)
    info = probe(path)
    assert info.is_hdr
    assert (info.primaries.value, info.bit_depth) == ("bt2020", 16)
    codes = np.round(hdr.astype(np.float64) * 65535) / 65535
    nits = colour.models.eotf_ST2084(codes.max(axis=0))
    assert (info.max_cll, info.max_fall) == (levels.max_cll, levels.max_fall)
    assert info.max_cll == math.ceil(round(nits.max(), 3))
    assert info.max_fall == math.ceil(round(nits.mean(), 3))
    assert info.mastering_display is not None
    assert info.mastering_display.max_nits == 1000


def test_hdr_png_chunks(tmp_path):
    path = tmp_path / "out.png"
    levels = write_still(path, np.full((3, 4, 4), 0.58, dtype=np.float32), master_peak_nits=4000)
    with open(path, "rb") as file:
        kinds = [kind for kind, _, _ in png_chunks.chunks(file)]
        found = png_chunks.colour_chunks(file)
    assert kinds[:4] == [b"IHDR", b"cICP", b"mDCV", b"cLLI"]
    assert set(kinds[4:]) == {b"IDAT", b"IEND"}  # nothing that contradicts cICP
    assert found[b"cICP"] == bytes([9, 16, 0, 1])
    assert struct.unpack(">2I", found[b"cLLI"]) == (10000 * levels.max_cll, 10000 * levels.max_fall)
    assert struct.unpack(">2H", found[b"mDCV"][:4]) == (35400, 14600)  # red first, in steps of 0.00002
    assert struct.unpack(">2I", found[b"mDCV"][16:]) == (40_000_000, 1)


def test_failures_leave_nothing(tmp_path):
    with pytest.raises(UserError, match=r"written as \.png"):
        write_still(tmp_path / "out.jpg", np.zeros((3, 2, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="finite"):
        write_still(tmp_path / "out.png", np.full((3, 2, 2), np.nan, dtype=np.float32))
    source = _save(tmp_path / "in.png", _smooth(2, 2))
    before = source.read_bytes()
    frame = np.zeros((3, 2, 2), dtype=np.float32)
    with pytest.raises(UserError, match="exists already"):
        write_still(source, frame)
    with pytest.raises(UserError, match="is the input itself"):
        write_still(source, frame, source=source, overwrite=True)
    assert source.read_bytes() == before
    assert os.listdir(tmp_path) == ["in.png"]
