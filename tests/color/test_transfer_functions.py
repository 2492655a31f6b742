"""BT.709/2020 OETFs, sRGB, HLG and LogC3 against published numbers; round trips."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.color import bt709, bt1886, hlg, logc3, srgb

CASES = [
    ("bt709_oetf", bt709.oetf),
    ("bt709_oetf_inverse", bt709.inverse_oetf),
    ("bt2020_oetf_10bit", bt709.oetf),
    ("bt2020_oetf_12bit", lambda x: bt709.oetf(x, bits=12)),
    ("bt1886_eotf_Lw100_Lb0", bt1886.eotf),
    ("hlg_oetf", hlg.oetf),
    ("hlg_oetf_inverse", hlg.inverse_oetf),
]


@pytest.mark.parametrize(("entry", "function"), CASES)
def test_published_numbers(backend, golden, entry, function):
    values = function(backend.asarray(golden[entry]["x"]))
    assert backend.same_kind(values)
    np.testing.assert_allclose(values, golden[entry]["y"], rtol=backend.tolerance(1e-9, 1e-4), atol=1e-6)


@pytest.mark.parametrize(
    ("forward", "back"),
    [
        (bt709.oetf, bt709.inverse_oetf),
        (lambda x: bt709.oetf(x, 12), lambda x: bt709.inverse_oetf(x, 12)),
        (srgb.inverse_eotf, srgb.eotf),
        (hlg.oetf, hlg.inverse_oetf),
        (logc3.oetf, logc3.inverse_oetf),
    ],
)
def test_round_trips_and_gradients(forward, back):
    x = np.linspace(0, 1, 2001)
    away_from_joins = np.abs(back(forward(x)) - x) < 2e-4
    assert away_from_joins.all()
    assert (np.diff(forward(x)) >= -1e-12).all()
    tensor = torch.tensor([0.0, 1e-9, 0.01, 0.5, 1.0], requires_grad=True)
    forward(tensor).sum().backward()
    assert torch.isfinite(tensor.grad).all()


def test_logc3_anchor():
    assert abs(logc3.oetf(np.array([0.18]))[0] - 0.391007) < 1e-6


def test_undefined_bit_depth():
    with pytest.raises(ValueError, match="8, 10 or 12"):
        bt709.oetf(np.zeros(1), bits=16)


@given(st.floats(100, 4000), st.floats(0, 1))
def test_hlg_ootf_round_trip(peak, level):
    scene = np.array([level, 0.5 * level, 0.2 * level]).reshape(3, 1, 1)
    np.testing.assert_allclose(hlg.inverse_ootf(hlg.ootf(scene, peak), peak), scene, rtol=1e-6, atol=1e-9)


def test_hlg_reference_points():
    grey = np.array([0.75, 1.0]).reshape(1, 1, 2).repeat(3, axis=0)
    np.testing.assert_allclose(hlg.eotf(grey)[0, 0], [203, 1000], rtol=3e-3)
    assert abs(hlg.system_gamma(1000) - 1.2) < 1e-12
