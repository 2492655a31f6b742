import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.media.scaling import fit_within, reduce_area

sides = st.integers(2, 40)


@given(sides, sides, sides, sides, st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_keeps_the_mean_light_and_the_range(width, height, new_width, new_height, seed):
    new_width, new_height = min(width, new_width), min(height, new_height)
    picture = np.random.default_rng(seed).uniform(0, 1000, (3, height, width)).astype(np.float32)
    small = reduce_area(picture, new_width, new_height)
    assert small.shape == (3, new_height, new_width)
    np.testing.assert_allclose(small.mean((1, 2)), picture.mean((1, 2)), rtol=1e-5)
    assert small.min() >= picture.min() * (1 - 1e-5)
    assert small.max() <= picture.max() * (1 + 1e-5)


def test_whole_factors_are_block_means():
    picture = np.arange(3 * 4 * 6, dtype=np.float32).reshape(3, 4, 6)
    blocks = picture.reshape(3, 2, 2, 3, 2).mean((2, 4))
    np.testing.assert_allclose(reduce_area(picture, 3, 2), blocks, rtol=1e-6)


def test_does_not_enlarge():
    with pytest.raises(ValueError, match="cannot be reduced"):
        reduce_area(np.zeros((3, 4, 4), np.float32), 8, 4)


@pytest.mark.parametrize(
    ("size", "box", "fitted"),
    [
        ((3840, 2160), (1920, 1920), (1920, 1080)),
        ((720, 1280), (256, 256), (144, 256)),
        ((101, 57), None, (100, 56)),
        ((100, 50), (400, 400), (100, 50)),
    ],
)
def test_fits_even_sizes_into_a_box(size, box, fitted):
    assert fit_within(*size, box) == fitted
