import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.color import yuv420p10 as codes


def random_picture(height, width, seed):
    return np.random.default_rng(seed).random((3, height, width), dtype=np.float32)


@settings(deadline=None, max_examples=60)
@given(height=st.integers(1, 40), width=st.integers(1, 9), threads=st.integers(1, 3), seed=st.integers(0, 999))
def test_native_gives_the_bits_of_its_reference(height, width, threads, seed):
    native = pytest.importorskip("lumaflux_native", reason="installed without a compiler")
    picture = random_picture(height, width, seed)
    for mine, reference in zip(native.yuv420p10(picture, threads), codes.yuv420p10_reference(picture), strict=True):
        np.testing.assert_array_equal(mine, reference)


def test_known_codes():
    picture = np.zeros((3, 2, 4), dtype=np.float32)
    picture[:, :, 2:] = 1.0
    y, cb, cr = codes.yuv420p10(picture)
    assert y.tolist() == [[64, 64, 940, 940]] * 2
    assert (cb == 512).all()
    assert (cr == 512).all()
    red = np.zeros((3, 2, 2), dtype=np.float32)
    red[0] = 1.0
    y, cb, cr = codes.yuv420p10(red)
    assert y[0, 0] == 294  # 64 + 876 * 0.2627
    assert cr[0, 0] == 960


def test_wrong_shape_is_named():
    native = pytest.importorskip("lumaflux_native", reason="installed without a compiler")
    with pytest.raises(ValueError, match="3,H,W"):
        native.yuv420p10(np.zeros((2, 4, 4), dtype=np.float32))
