import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.media.stills.jpeg_primary import has_gain_map, primary_image
from lumaflux.media.stills.picture import read_still

XMP = b"http://ns.adobe.com/xap/1.0/\0" + b"<x hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/' hdrgm:Version='1.0'/>"


def _jpeg(path, value, size=(40, 24)):
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    pixels = np.stack([(value + 3 * x + 2 * y) % 256] * 3, axis=-1).astype(np.uint8)
    output = oiio.ImageOutput.create("jpeg")
    assert output is not None
    output.open(str(path), oiio.ImageSpec(*size, 3, "uint8"))
    output.write_image(pixels)
    output.close()
    return path.read_bytes()


@pytest.fixture
def plain(tmp_path):
    return _jpeg(tmp_path / "plain.jpg", 20)


@pytest.fixture
def with_gain_map(tmp_path, plain):
    segment = b"\xff\xe1" + (len(XMP) + 2).to_bytes(2, "big") + XMP
    return plain[:2] + segment + plain[2:] + _jpeg(tmp_path / "map.jpg", 90)


def test_gain_maps_are_seen(plain, with_gain_map):
    assert has_gain_map(with_gain_map)
    assert not has_gain_map(plain)


def test_the_first_picture_stands_alone(plain, with_gain_map):
    alone = primary_image(with_gain_map)
    assert not has_gain_map(alone)
    assert alone == primary_image(plain)
    assert alone.count(b"\xff\xd9") == 1


def test_the_reader_gives_the_sdr_picture_and_names_the_map(tmp_path, plain, with_gain_map):
    one, two = tmp_path / "one.jpg", tmp_path / "two.jpg"
    one.write_bytes(plain)
    two.write_bytes(with_gain_map)
    still = read_still(two)
    np.testing.assert_array_equal(still.sdr, read_still(one).sdr)
    assert still.info.dropped == ("gain map",)


@pytest.mark.parametrize("length", [3, 200, -2])
def test_cut_files_are_noticed(plain, length):
    with pytest.raises(ValueError, match="cut off"):
        primary_image(plain[:length])


def test_other_files_are_no_jpeg():
    with pytest.raises(ValueError, match="no start of image"):
        primary_image(b"\x89PNG")
