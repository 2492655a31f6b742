"""Large pictures are read and written in bands of rows; the bits are those of the whole picture."""

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image, ImageCms

from lumaflux.media.stills import picture, picture_writer
from lumaflux.media.stills.picture import read_still


@pytest.mark.parametrize(
    "name", ["a.jpg", "progressive.jpg", "a.png", "rgba.png", "a.tif", "grey.png", "a.webp", "p3.png"]
)
def test_large_pictures_are_read_in_bands_of_rows_to_the_same_bits(tmp_path, monkeypatch, name):
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (37, 50, 4 if name == "rgba.png" else 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert("L") if name == "grey.png" else Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = 6
    said = {"exif": exif} if name in ("a.jpg", "a.tif") else {"progressive": True} if name[0] == "p" else {}
    if name == "p3.png":
        said = {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}
    image.save(tmp_path / name, **said)
    whole = read_still(tmp_path / name)
    monkeypatch.setattr(picture, "_LARGE", 0)
    monkeypatch.setattr(picture_writer, "_BAND_PIXELS", 50 * 7)
    banded = read_still(tmp_path / name)
    np.testing.assert_array_equal(banded.sdr, whole.sdr)
    assert (banded.transfer, banded.notes, banded.info) == (whole.transfer, whole.notes, whole.info)
    assert (banded.alpha is None) == (whole.alpha is None)
    if whole.alpha is not None:
        np.testing.assert_array_equal(banded.alpha, whole.alpha)
    bt1886 = whole.bt1886
    np.testing.assert_array_equal(banded.into_bt1886(), bt1886)


@pytest.mark.parametrize("kind", [picture_writer.PNG, picture_writer.TIFF, picture_writer.DPX])
def test_pictures_are_written_in_bands_of_rows_to_the_same_bits(tmp_path, monkeypatch, kind):
    rng = np.random.default_rng(4)
    hdr, alpha = rng.random((3, 37, 50), np.float32), rng.random((37, 50), np.float32)
    options = picture_writer.PictureOptions(overwrite=True)
    files, levels = [], []
    for pixels in (1 << 20, 50 * 7):
        monkeypatch.setattr(picture_writer, "_BAND_PIXELS", pixels)
        path = tmp_path / f"{pixels}{kind.suffixes[0]}"
        levels.append(picture_writer.write_picture(path, hdr, kind, options, alpha=alpha))
        files.append(oiio.ImageBuf(str(path)).get_pixels(oiio.UINT16))
    np.testing.assert_array_equal(*files)
    assert levels[0].max_cll_nits == levels[1].max_cll_nits
    assert levels[0].max_fall_nits == pytest.approx(levels[1].max_fall_nits, rel=1e-9)
    np.testing.assert_array_equal(levels[0].histogram, levels[1].histogram)
