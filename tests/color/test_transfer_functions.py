"""The curves of cameras and of sRGB pictures: sRGB, LogC3, DaVinci Intermediate."""

import colour
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import acescct, bt1886, davinci, logc3, srgb

PAIRS = {
    "srgb": (srgb.inverse_eotf, srgb.eotf),
    "logc3": (logc3.oetf, logc3.inverse_oetf),
    "davinci": (davinci.oetf, davinci.inverse_oetf),
    "acescct": (acescct.oetf, acescct.inverse_oetf),
}


def test_single_precision_follows_double_away_from_the_joins():
    x = np.linspace(0.02, 1, 3000)
    for forward, back in PAIRS.values():
        np.testing.assert_allclose(forward(x.astype(np.float32)), forward(x), rtol=0, atol=3e-7)
        v = np.linspace(0.17, 1, 3000)
        np.testing.assert_allclose(back(v.astype(np.float32)), back(v), rtol=2e-6)


@pytest.mark.parametrize(
    ("ours", "oracle"),
    [
        (srgb.eotf, colour.models.eotf_sRGB),
        (srgb.inverse_eotf, colour.models.eotf_inverse_sRGB),
        (logc3.oetf, colour.models.log_encoding_ARRILogC3),
        (logc3.inverse_oetf, colour.models.log_decoding_ARRILogC3),
        (davinci.oetf, colour.models.oetf_DaVinciIntermediate),
        (acescct.oetf, colour.models.log_encoding_ACEScct),
        (acescct.inverse_oetf, colour.models.log_decoding_ACEScct),
        (davinci.inverse_oetf, colour.models.oetf_inverse_DaVinciIntermediate),
    ],
)
def test_the_oracle_agrees(ours, oracle):
    x = np.linspace(0, 1, 3001)
    np.testing.assert_allclose(ours(x), oracle(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
@given(st.floats(0, 1), st.floats(0, 1))
def test_round_trip_and_order(name, a, b):
    forward, back = PAIRS[name]
    x = np.array(sorted((a, b)))
    signal = forward(x)
    # the printed constants of LogC3 and sRGB leave steps of 1e-7 and 1e-8 at the joins
    assert signal[0] <= signal[1] + 2e-6
    np.testing.assert_allclose(back(signal), x, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_gradients_are_finite_both_ways(name):
    for function in PAIRS[name]:
        x = torch.tensor([0.0, 1e-9, 0.018, 0.5, 1.0], requires_grad=True)
        function(x).sum().backward()
        assert x.grad is not None
        assert torch.isfinite(x.grad).all()


def test_logc3_anchor():
    assert logc3.oetf(np.array([0.18]))[0] == pytest.approx(0.391007, abs=5e-7)


def test_srgb_pictures_keep_their_light_as_bt1886(backend):
    signal = backend.asarray(np.linspace(0, 1, 101))
    out = srgb.srgb_to_bt1886(signal)
    assert backend.same_kind(out)
    np.testing.assert_allclose(bt1886.eotf(out, 1.0), srgb.eotf(signal), atol=backend.tolerance(1e-14, 1e-6))
