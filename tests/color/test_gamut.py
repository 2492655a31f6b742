import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import gamut
from lumaflux.color.primaries import BT709_LUMA, apply_matrix, luminance

COLOUR = st.lists(st.floats(0, 1), min_size=3, max_size=3)
MAPPINGS = [gamut.clip_to_bt709, gamut.desaturate_to_bt709]


def _frame(colour):
    return np.array(colour).reshape(3, 1, 1)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_both_stay_inside_and_keep_their_kind(backend, mapping, hdr_nits):
    out = mapping(backend.asarray(hdr_nits / 1000))
    assert backend.same_kind(out)
    assert tuple(out.shape) == hdr_nits.shape
    assert out.min() >= 0
    assert out.max() <= 1


@given(COLOUR)
def test_colours_of_bt709_pass_unchanged(colour):
    wide = apply_matrix(gamut.BT709_TO_BT2020, _frame(colour))
    for mapping in MAPPINGS:
        np.testing.assert_allclose(mapping(wide).ravel(), colour, rtol=0, atol=1e-7)


def test_clipping_is_per_channel():
    green = _frame([0.0, 1.0, 0.0])
    np.testing.assert_allclose(gamut.clip_to_bt709(green).ravel(), [0, 1, 0], atol=1e-15)
    outside = _frame([0.2, 0.9, 0.1])
    expected = (gamut.BT2020_TO_BT709 @ outside.ravel()).clip(0, 1)
    np.testing.assert_allclose(gamut.clip_to_bt709(outside).ravel(), expected, atol=1e-15)


@given(COLOUR)
def test_desaturation_keeps_luminance_and_hue_and_goes_no_further_than_the_border(colour):
    raw = apply_matrix(gamut.BT2020_TO_BT709, _frame(colour))
    out = gamut.desaturate_to_bt709(_frame(colour))
    y = luminance(raw, BT709_LUMA)
    if 0 <= y.item() <= 1:  # BT.2407's matrix gives black-point rounding of 1e-17 below 0
        np.testing.assert_allclose(luminance(out, BT709_LUMA), y, rtol=0, atol=1e-9)
        s = np.dot((out - y).ravel(), (raw - y).ravel()) / max(np.dot((raw - y).ravel(), (raw - y).ravel()), 1e-30)
        np.testing.assert_allclose(out - y, s * (raw - y), rtol=0, atol=1e-7)
        outside = raw.min() < -1e-6 or raw.max() > 1 + 1e-6
        if outside:
            assert min(out.min(), 1 - out.max()) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_gradients_are_finite(mapping):
    x = torch.tensor([[0.0, 0.0, 1.0, 0.5], [0.0, 1.0, 1.0, 0.5], [0.0, 0.0, 1.0, 0.6]]).view(3, 1, 4).requires_grad_()
    mapping(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
