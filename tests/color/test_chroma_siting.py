import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color.ycbcr import subsample_420, upsample_420

SITINGS = st.sampled_from(["topleft", "left"])
SIDE = st.integers(1, 9)


def _ramp(height: int, width: int) -> np.ndarray:
    return 0.01 * np.arange(width)[None, :] + 0.03 * np.arange(height)[:, None]


@pytest.mark.parametrize(("siting", "down"), [("topleft", 0.0), ("left", 0.5)])
def test_a_ramp_is_sampled_where_the_chroma_sits(backend, siting, down):
    plane = subsample_420(backend.asarray(_ramp(12, 16)), siting)
    assert backend.same_kind(plane)
    want = 0.01 * 2 * np.arange(8)[None, :] + 0.03 * (2 * np.arange(6)[:, None] + down)
    np.testing.assert_allclose(plane[1:-1, 1:-1], want[1:-1, 1:-1], atol=backend.tolerance(1e-15, 1e-7))


@pytest.mark.parametrize("siting", ["topleft", "left"])
def test_a_ramp_comes_back_inside_the_frame(backend, siting):
    ramp = _ramp(12, 16)
    back = upsample_420(subsample_420(backend.asarray(ramp), siting), siting)
    assert backend.same_kind(back)
    np.testing.assert_allclose(back[3:-4, 3:-4], ramp[3:-4, 3:-4], atol=backend.tolerance(1e-15, 1e-7))


@given(SIDE, SIDE, SITINGS, st.floats(-0.5, 0.5))
def test_a_constant_stays_constant_at_any_size(height, width, siting, level):
    plane = np.full((2, height, width), level)
    half = subsample_420(plane, siting)
    assert half.shape == (2, (height + 1) // 2, (width + 1) // 2)
    np.testing.assert_allclose(upsample_420(half, siting, (height, width)), plane, rtol=4e-16, atol=1e-300)


@given(st.integers(0, 2**31), SITINGS)
def test_values_stay_in_their_range(seed, siting):
    plane = np.random.default_rng(seed).uniform(-0.5, 0.5, (5, 7))
    half = subsample_420(plane, siting)
    full = upsample_420(half, siting, (5, 7))
    assert plane.min() - 1e-15 <= half.min() <= half.max() <= plane.max() + 1e-15
    assert half.min() - 1e-15 <= full.min() <= full.max() <= half.max() + 1e-15


def test_an_impulse_spreads_with_the_weights_of_its_site():
    impulse = np.zeros((6, 6))
    impulse[2, 2] = 1
    np.testing.assert_allclose(subsample_420(impulse, "topleft")[1, 1], 0.25)
    np.testing.assert_allclose(subsample_420(impulse, "left")[1, 1], 0.25)
    impulse = np.zeros((6, 6))
    impulse[3, 2] = 1
    np.testing.assert_allclose(subsample_420(impulse, "topleft")[1:3, 1], [0.125, 0.125])
    np.testing.assert_allclose(subsample_420(impulse, "left")[1:3, 1], [0.25, 0.0])


def test_wrong_siting_and_size_are_named():
    with pytest.raises(ValueError, match="siting"):
        subsample_420(np.zeros((4, 4)), "centre")
    with pytest.raises(ValueError, match="no 4:2:0 chroma plane"):
        upsample_420(np.zeros((2, 2)), size=(6, 4))
