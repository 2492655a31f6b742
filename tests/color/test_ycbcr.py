import colour
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import ycbcr
from lumaflux.color.primaries import BT709_LUMA, BT2020_LUMA

LUMAS = {"ITU-R BT.709": BT709_LUMA, "ITU-R BT.2020": BT2020_LUMA}
SIGNAL = st.floats(0, 1)


@pytest.mark.parametrize("name", LUMAS)
def test_forward_agrees_with_the_oracle(backend, name, hdr_nits):
    rgb = hdr_nits / 1000
    oracle = colour.RGB_to_YCbCr(np.moveaxis(rgb, 0, -1), colour.WEIGHTS_YCBCR[name], out_legal=False)
    out = ycbcr.rgb_to_ycbcr(backend.asarray(rgb), LUMAS[name])
    assert backend.same_kind(out)
    np.testing.assert_allclose(out, np.moveaxis(oracle, -1, 0), rtol=0, atol=backend.tolerance(1e-14, 1e-6))


def test_divisors_are_those_of_bt2020():
    red, blue = np.zeros((3, 1, 1)), np.zeros((3, 1, 1))
    red[0], blue[2] = 1, 1
    np.testing.assert_allclose(ycbcr.rgb_to_ycbcr(red, BT2020_LUMA)[2], (1 - 0.2627) / 1.4746, rtol=1e-14)
    np.testing.assert_allclose(ycbcr.rgb_to_ycbcr(blue, BT2020_LUMA)[1], (1 - 0.0593) / 1.8814, rtol=1e-14)
    green = ycbcr.ycbcr_to_rgb(np.array([0.0, 1.0, 0.0]).reshape(3, 1, 1), BT2020_LUMA)[1]
    np.testing.assert_allclose(green, -0.16455, atol=5e-6)
    green = ycbcr.ycbcr_to_rgb(np.array([0.0, 0.0, 1.0]).reshape(3, 1, 1), BT2020_LUMA)[1]
    np.testing.assert_allclose(green, -0.57135, atol=5e-6)


@given(SIGNAL, SIGNAL, SIGNAL, st.sampled_from(sorted(LUMAS)))
def test_round_trip(r, g, b, name):
    rgb = np.array([r, g, b]).reshape(3, 1, 1)
    np.testing.assert_allclose(ycbcr.ycbcr_to_rgb(ycbcr.rgb_to_ycbcr(rgb, LUMAS[name]), LUMAS[name]), rgb, atol=1e-14)


@given(SIGNAL)
def test_grey_has_no_chroma(level):
    ycc = ycbcr.rgb_to_ycbcr(np.full((3, 1, 1), level), BT2020_LUMA)
    np.testing.assert_allclose(ycc[:, 0, 0], [level, 0, 0], atol=1e-15)


@pytest.mark.parametrize(
    ("bits", "full_range", "colour_in", "codes"),
    [
        (8, False, [0, 0, 0], [16, 128, 128]),
        (8, False, [1, 0.5, -0.5], [235, 240, 16]),
        (10, False, [0, 0, 0], [64, 512, 512]),
        (10, False, [1, 0.5, -0.5], [940, 960, 64]),
        (10, False, [2, 2, -2], [1019, 1019, 4]),
        (8, False, [-1, 2, -2], [1, 254, 1]),
        (10, True, [1, 0, -0.5], [1023, 512, 1]),
        (8, True, [1, 0.5, 0], [255, 255, 128]),
        (12, False, [1, 0.5, 0], [3760, 3840, 2048]),
    ],
)
def test_codes_of_the_nominal_levels(backend, bits, full_range, colour_in, codes):
    ycc = backend.asarray(colour_in).reshape(3, 1, 1)
    out = ycbcr.to_codes(ycc, bits, full_range)
    assert backend.same_kind(out)
    np.testing.assert_array_equal(np.asarray(out).ravel(), codes)


@pytest.mark.parametrize("full_range", [True, False])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_every_code_survives_decoding_and_encoding(backend, bits, full_range):
    reserved = 0 if full_range else 2 ** (bits - 8)
    codes = np.arange(reserved, 2**bits - reserved, dtype=np.float64)
    frame = backend.asarray(np.stack([codes] * 3)[:, None])
    back = ycbcr.to_codes(ycbcr.from_codes(frame, bits, full_range), bits, full_range)
    np.testing.assert_array_equal(back, frame)


def test_odd_depths_are_refused():
    with pytest.raises(ValueError, match="8 to 16 bits"):
        ycbcr.to_codes(np.zeros((3, 1, 1)), 7, False)
