import struct

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.media.stills import orientation

PICTURE = np.arange(2 * 3, dtype=np.float32).reshape(1, 2, 3)


@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientations_agree_with_openimageio(value):
    buffer = oiio.ImageBuf(np.moveaxis(PICTURE, 0, -1).copy())
    buffer.specmod().attribute("Orientation", value)
    upright = np.moveaxis(oiio.ImageBufAlgo.reorient(buffer).get_pixels(oiio.FLOAT), -1, 0)
    turned = orientation.from_exif(value)
    np.testing.assert_array_equal(turned.apply(PICTURE), upright)
    assert turned.size(3, 2) == upright.shape[:0:-1]


def test_unknown_exif_value_counts_as_upright():
    assert orientation.from_exif(0) == orientation.UPRIGHT


def _matrix(a, b, c, d):
    one = 1 << 16
    return struct.pack("=9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize(
    ("entries", "degrees"), [((1, 0, 0, 1), 0), ((0, 1, -1, 0), 90), ((-1, 0, 0, -1), 180), ((0, -1, 1, 0), 270)]
)
def test_display_matrices_turn_clockwise(entries, degrees):
    turned = orientation.from_display_matrix(_matrix(*entries))
    assert turned.degrees == degrees
    np.testing.assert_array_equal(turned.apply(PICTURE)[0], np.rot90(PICTURE[0], -degrees // 90))


@given(st.sampled_from([(1, 0, 0, 1), (0, 1, 1, 0), (0, 1, -1, 0), (-1, 0, 0, 1), (0, -1, -1, 0), (1, 0, 0, -1)]))
def test_display_matrices_move_pixels_as_they_say(entries):
    a, b, c, d = entries
    moved = orientation.from_display_matrix(_matrix(*entries)).apply(PICTURE)[0]
    x, y = np.meshgrid(np.arange(3), np.arange(2))
    x, y = a * x + c * y, b * x + d * y
    want = np.empty_like(moved)
    want[y - y.min(), x - x.min()] = PICTURE[0]
    np.testing.assert_array_equal(moved, want)
