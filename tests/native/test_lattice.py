"""The lattice of the one pass: codes of nodes as torch computes them, each with the next one along Y'."""

import numpy as np
import pytest
import torch

from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.ycbcr import code_scales, rgb_to_ycbcr

lumaflux_native = pytest.importorskip("lumaflux_native")
SCALE = 32  # parts of a ten-bit code in a node


def codes_of(rgb: np.ndarray) -> np.ndarray:
    """PQ/BT.2020 R'G'B' [3,N,L] -> ten-bit Y'CbCr in parts of a code [3,N,L]."""
    ycc = rgb_to_ycbcr(torch.from_numpy(rgb)[None], BT2020_LUMA)[0].numpy()
    luma_scale, luma_offset, chroma_scale, chroma_offset = code_scales(10, False)
    scale = np.array([luma_scale, chroma_scale, chroma_scale], np.float32).reshape(3, 1, 1)
    offset = np.array([luma_offset, chroma_offset, chroma_offset], np.float32).reshape(3, 1, 1)
    return SCALE * (scale * ycc + offset)


@pytest.mark.parametrize(("blue", "red", "luma"), [((0, 5), (0, 5), 7), ((1, 2), (2, 3), 61), ((4, 1), (0, 1), 2)])
def test_nodes_hold_the_codes_of_their_light_and_of_the_next_one_s(blue, red, luma):
    rgb = np.random.default_rng(luma).random((3, blue[1] * red[1], luma), np.float32)
    rgb[:, 0, :2] = [[0, 1]] * 3
    nodes = lumaflux_native.lattice(rgb, blue, red, 5)
    assert nodes.shape == (5, 5, luma, 4)
    assert nodes.dtype == np.int32
    inside = nodes[blue[0] : sum(blue), red[0] : sum(red)].reshape(-1, luma, 4)
    here, following = inside[..., :3] & 0xFFFF, inside[..., :3] >> 16
    wanted = np.moveaxis(codes_of(rgb), 0, -1)
    assert np.abs(here - wanted).max() <= 0.51
    np.testing.assert_array_equal(following[:, :-1], here[:, 1:])
    np.testing.assert_array_equal(following[:, -1], here[:, -1])
    assert not inside[..., 3].any()
    assert np.count_nonzero(nodes.any(axis=(-2, -1))) == blue[1] * red[1]


@pytest.mark.parametrize(
    ("shape", "blue", "red"),
    [
        ((3, 4, 7), (0, 2), (0, 3)),
        ((2, 4, 7), (0, 2), (0, 2)),
        ((3, 4, 7), (4, 2), (0, 2)),
        ((3, 0, 7), (0, 0), (0, 2)),
    ],
)
def test_light_of_other_nodes_is_refused(shape, blue, red):
    with pytest.raises(ValueError, match="expected R'G'B'"):
        lumaflux_native.lattice(np.zeros(shape, np.float32), blue, red, 5)
