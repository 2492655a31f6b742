import numpy as np
import pytest

from lumaflux.service.samples import planes_of, write_planes

CODES = {np.uint8: 255, np.uint16: 65535}


def written(planes, source, **how):
    out = np.empty_like(source)
    write_planes(planes, source, out, **how)
    return out


@pytest.mark.parametrize("dtype", CODES)
def test_every_code_comes_back(dtype):
    codes = np.arange(CODES[dtype] + 1, dtype=dtype)[: 65536 // 4 * 4]
    pixels = np.resize(codes, (len(codes) // 4 + 1, 2, 3))
    planes = planes_of(pixels)
    np.testing.assert_allclose(planes[1], pixels[..., 1] / CODES[dtype], atol=1e-7)
    np.testing.assert_array_equal(written(planes, pixels), pixels)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint16, np.uint8])
def test_alpha_is_kept_bit_for_bit_and_padding_of_channels_is_none(dtype):
    pixels = (np.random.default_rng(0).random((4, 5, 4)) * CODES.get(dtype, 2)).astype(dtype)
    out = written(np.zeros((3, 4, 5), np.float32), pixels)
    np.testing.assert_array_equal(out[..., 3], pixels[..., 3])
    assert not out[..., :3].any()


def test_what_is_no_light_is_repaired():
    pixels = np.array([[[np.nan, np.inf, -np.inf], [-0.5, 2.0, 1e30]]], np.float32)
    np.testing.assert_array_equal(planes_of(pixels)[:, 0].T, [[0, 65504, -65504], [-0.5, 2.0, np.float32(1e30)]])


def test_premultiplied_colour_is_divided_and_multiplied_again():
    pixels = np.array([[[0.1, 0.2, 0.3, 0.5], [0.4, 0.4, 0.4, 1.0], [0.7, 0.0, 0.0, 0.0]]], np.float32)
    planes = planes_of(pixels, premultiplied=True)
    np.testing.assert_allclose(planes[:, 0, 0], [0.2, 0.4, 0.6], rtol=1e-6)
    np.testing.assert_allclose(planes[:, 0, 2], [0.7, 0, 0])
    np.testing.assert_allclose(
        written(planes, pixels, premultiplied=True)[0],
        [[0.1, 0.2, 0.3, 0.5], [0.4, 0.4, 0.4, 1], [0, 0, 0, 0]],
        rtol=1e-6,
    )


@pytest.mark.parametrize("alpha", [np.nan, np.inf, -1.0, 0.0, 1e-45])
def test_odd_alpha_makes_no_odd_light(alpha):
    pixels = np.array([[[0.5, 0.5, 0.5, alpha]]], np.float32)
    planes = planes_of(pixels, premultiplied=True)
    assert np.isfinite(planes).all()
    out = written(planes, pixels, premultiplied=True)
    assert np.isfinite(out[..., :3]).all()
    np.testing.assert_array_equal(out[..., 3], pixels[..., 3])


def test_without_the_word_premultiplied_alpha_changes_nothing():
    pixels = np.array([[[0.1, 0.2, 0.3, 0.5]]], np.float32)
    np.testing.assert_array_equal(planes_of(pixels)[:, 0, 0], pixels[0, 0, :3])


def test_out_may_be_the_source_and_half_does_not_overflow():
    pixels = np.ones((2, 2, 4), np.float16)
    write_planes(np.full((3, 2, 2), 1e6, np.float32), pixels, pixels)
    np.testing.assert_array_equal(pixels[0, 0], [65504, 65504, 65504, 1])


def test_rows_from_the_bottom_up():
    pixels = np.random.default_rng(4).random((5, 6, 4), dtype=np.float32)
    planes = planes_of(pixels[::-1])
    np.testing.assert_array_equal(planes[1], pixels[::-1, :, 1])
    out = np.zeros_like(pixels)
    write_planes(planes, pixels[::-1], out[::-1])
    np.testing.assert_array_equal(out, pixels)


def test_a_source_that_may_not_be_written_is_read():
    pixels = np.ones((2, 2, 3), np.float32)
    pixels.setflags(write=False)
    np.testing.assert_array_equal(planes_of(pixels), 1)
