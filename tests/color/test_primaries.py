import colour
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color.primaries import (
    ACES_AP0,
    ACES_AP1,
    BT709,
    BT709_LUMA,
    BT2020,
    BT2020_LUMA,
    P3_D65,
    apply_matrix,
    luminance,
    rgb_to_rgb,
    rgb_to_xyz,
)

SPACES = {
    "ITU-R BT.709": BT709,
    "ITU-R BT.2020": BT2020,
    "P3-D65": P3_D65,
    "ACES2065-1": ACES_AP0,
    "ACEScg": ACES_AP1,
}


@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        ("bt2020_to_XYZ_derived", rgb_to_xyz(BT2020)),
        ("bt709_to_XYZ_derived", rgb_to_xyz(BT709)),
        ("XYZ_to_bt2020_derived", np.linalg.inv(rgb_to_xyz(BT2020))),
        ("XYZ_to_bt709_derived", np.linalg.inv(rgb_to_xyz(BT709))),
        ("bt709_to_bt2020_derived", rgb_to_rgb(BT709, BT2020)),
        ("bt2020_to_bt709_derived", rgb_to_rgb(BT2020, BT709)),
        ("colour_bt2020_to_XYZ_published", rgb_to_xyz(BT2020)),
        ("colour_bt709_to_XYZ_published", rgb_to_xyz(BT709)),
    ],
)
def test_matrices_are_the_published_ones(golden, name, matrix):
    np.testing.assert_allclose(matrix, golden["matrices"][name], rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", sorted(SPACES))
def test_primaries_are_those_of_the_oracle(name):
    space, oracle = SPACES[name], colour.RGB_COLOURSPACES[name]
    np.testing.assert_allclose([space.red, space.green, space.blue], oracle.primaries, atol=1e-12)
    np.testing.assert_allclose(space.white, oracle.whitepoint, atol=1e-12)


def test_adaptation_from_aces_white_is_bradford():
    oracle = colour.matrix_RGB_to_RGB(
        colour.RGB_COLOURSPACES["ACEScg"],
        colour.RGB_COLOURSPACES["ITU-R BT.2020"],
        chromatic_adaptation_transform="Bradford",
    )
    np.testing.assert_allclose(rgb_to_rgb(ACES_AP1, BT2020), oracle, atol=1e-4)


@pytest.mark.parametrize("src", SPACES.values())
@pytest.mark.parametrize("dst", SPACES.values())
def test_white_goes_to_white_and_back_again(src, dst):
    matrix = rgb_to_rgb(src, dst)
    assert matrix.dtype == np.float64
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-14)
    np.testing.assert_allclose(rgb_to_rgb(dst, src) @ matrix, np.eye(3), atol=1e-13)


def test_apply_matrix_is_a_matrix_product_on_the_channel_axis(backend, hdr_nits):
    matrix = rgb_to_rgb(BT2020, BT709)
    batch = np.stack([hdr_nits, hdr_nits[:, ::-1]])
    out = apply_matrix(matrix, backend.asarray(batch))
    assert backend.same_kind(out)
    assert tuple(out.shape) == batch.shape
    np.testing.assert_allclose(
        out, np.einsum("ij,bjhw->bihw", matrix, batch), rtol=0, atol=backend.tolerance(1e-12, 1e-3)
    )


def test_luminance_keeps_a_channel_axis(backend, hdr_nits):
    out = luminance(backend.asarray(hdr_nits), BT709_LUMA)
    assert backend.same_kind(out)
    assert tuple(out.shape) == (1, *hdr_nits.shape[1:])
    np.testing.assert_allclose(
        out, np.einsum("j,jhw->hw", BT709_LUMA, hdr_nits)[None], rtol=backend.tolerance(1e-14, 1e-6)
    )


@given(st.floats(0, 10000))
def test_grey_stays_grey_in_float32(level):
    grey = torch.full((3, 1, 1), level)
    out = apply_matrix(rgb_to_rgb(BT709, BT2020), grey)
    torch.testing.assert_close(out, grey, rtol=3e-7, atol=1e-30)


def test_luma_weights_sum_to_one():
    np.testing.assert_allclose([sum(BT2020_LUMA), sum(BT709_LUMA)], 1, atol=1e-15)


@pytest.mark.parametrize("shape", [(3,), (4, 4), (4, 5, 5)])
def test_a_wrong_shape_is_named(shape):
    with pytest.raises(ValueError, match=r"\[\.\.\., 3, H, W\]"):
        apply_matrix(np.eye(3), np.zeros(shape))
