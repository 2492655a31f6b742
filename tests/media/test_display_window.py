"""EXR files whose data window is not their display window."""

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.errors import UserError
from lumaflux.media.metadata.info import probe
from lumaflux.media.stills.picture import read_still


def save(path, x, y, size, full, value=0.5):
    spec = oiio.ImageSpec(size[0], size[1], 3, "half")
    spec.x, spec.y, spec.full_width, spec.full_height = x, y, *full
    spec.attribute("PixelAspectRatio", 2.0)
    pixels = np.full((size[1], size[0], 3), value, np.float32)
    pixels[0, 0] = 1.0  # marks the corner of what is stored
    output = oiio.ImageOutput.create(str(path))
    assert output is not None
    assert output.open(str(path), spec)
    assert output.write_image(pixels)
    output.close()
    return path


def test_overscan_is_cut_off(tmp_path):
    path = save(tmp_path / "over.exr", -3, -2, (22, 14), (16, 10))
    still = read_still(path)
    assert (probe(path).width, probe(path).height) == (16, 10)
    assert still.sdr.shape == (3, 10, 16)
    np.testing.assert_allclose(still.sdr, 0.5 ** (1 / 2.4), atol=1e-3)
    assert still.notes == (f"{path}: what is stored outside of its display window is left out.",)
    assert probe(path).sample_aspect_ratio == 2


def test_a_cropped_picture_is_black_around(tmp_path):
    path = save(tmp_path / "crop.exr", 4, 3, (5, 4), (16, 10))
    still = read_still(path)
    assert still.sdr.shape == (3, 10, 16)
    assert still.sdr[0, 3, 4] == pytest.approx(1, abs=1e-3)
    assert still.sdr[0, 6, 8] == pytest.approx(0.5 ** (1 / 2.4), abs=1e-3)
    outside = np.ones((10, 16), bool)
    outside[3:7, 4:9] = False
    assert (still.sdr[:, outside] == 0).all()
    assert "is black" in still.notes[0]


def test_windows_that_do_not_meet_are_black_and_senseless_ones_refused(tmp_path):
    still = read_still(save(tmp_path / "away.exr", 40, 40, (5, 4), (16, 10)))
    assert (still.sdr == 0).all()
    with pytest.raises(UserError, match="display window is 100000x10"):
        read_still(save(tmp_path / "wide.exr", 0, 0, (5, 4), (100000, 10)))
