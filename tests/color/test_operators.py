"""The eight renderings and their inverses: range, grey, order, round trips, both libraries, gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import logc3
from lumaflux.color.operators import INVERSES, OPERATORS, gamma_clip, hard_clip, logc

ANALYTIC = [name for name in OPERATORS if not name.startswith("aces")]
INVERTIBLE = {  # cd/m2 up to which a grey comes back, and how exactly
    "aces-1.3": (400, 1e-2),
    "bt2446a": (1000, 0.06),  # the tables of the standard are not each other's inverse
    "bt2446c": (330, 1e-3),
    "hard-clip": (203, 1e-9),
    "reinhard": (1000, 1e-9),
    "logc": (1000, 1e-9),
    "bt2390": (1000, 1e-3),
    "gamma-clip": (400, 1e-9),
}


def test_the_eight_are_there_each_with_its_inverse():
    assert set(OPERATORS) == set(INVERTIBLE)
    assert set(OPERATORS) < set(INVERSES)


@pytest.mark.parametrize("name", OPERATORS)
def test_grey_stays_grey_and_in_order(name, grey_frame):
    sdr = OPERATORS[name](grey_frame(np.geomspace(0.05, 1000, 400)))
    np.testing.assert_allclose(sdr, np.stack([sdr[0]] * 3), rtol=0, atol=2e-6)
    assert (np.diff(sdr[1, 0]) >= (-1e-6 if name == "aces-1.3" else 0)).all()


@pytest.mark.parametrize("name", OPERATORS)
def test_black_is_black_and_the_masters_peak_is_white(name, grey_frame):
    sdr = OPERATORS[name](grey_frame([0.0, 1000.0]))
    np.testing.assert_allclose(sdr[:, 0], [[0, 1]] * 3, rtol=0, atol=3e-3 if name == "aces-1.3" else 1e-6)


@pytest.mark.parametrize("name", ANALYTIC)
@given(st.lists(st.floats(0, 12000), min_size=3, max_size=3))
def test_every_colour_lands_in_the_range(name, colour):
    sdr = OPERATORS[name](np.array(colour).reshape(3, 1, 1))
    assert np.isfinite(sdr).all()
    assert sdr.min() >= 0
    assert sdr.max() <= 1


@pytest.mark.parametrize("name", INVERSES)
def test_every_signal_has_a_light(name):
    light = INVERSES[name](np.random.default_rng(5).uniform(0, 1, (3, 20, 20)).round(1))
    assert np.isfinite(light).all()
    assert light.min() >= 0
    assert light.max() <= 1000 * (1 + 1e-6)


@pytest.mark.parametrize("name", OPERATORS)
def test_inverse_undoes_the_operator_on_greys_below_clipping(name, grey_frame):
    highest, tolerance = INVERTIBLE[name]
    levels = np.geomspace(4, 0.999 * highest, 100)
    back = INVERSES[name](OPERATORS[name](grey_frame(levels)))
    np.testing.assert_allclose(back[:, 0], np.stack([levels] * 3), rtol=tolerance)


@pytest.mark.parametrize("name", ["hard-clip", "reinhard", "logc", "bt2390", "gamma-clip"])
@given(st.lists(st.floats(0.05, 0.95), min_size=3, max_size=3))
def test_operator_undoes_the_inverse_on_colours(name, colour):
    sdr = np.array(colour).reshape(3, 1, 1)
    np.testing.assert_allclose(OPERATORS[name](INVERSES[name](sdr)), sdr, rtol=0, atol=1e-6)


@pytest.mark.parametrize("registry", [OPERATORS, INVERSES], ids=["operators", "inverses"])
@pytest.mark.parametrize("name", ANALYTIC)
def test_numpy_torch_and_single_precision_agree(registry, name, hdr_nits):
    source = hdr_nits if registry is OPERATORS else hdr_nits / 1000
    double = registry[name](source)
    scale = 1.0 if registry is OPERATORS else 1000.0
    tensor = registry[name](torch.from_numpy(source))
    assert tensor.dtype == torch.float64
    np.testing.assert_allclose(tensor, double, rtol=0, atol=1e-10 * scale)
    single = registry[name](torch.from_numpy(source).float())
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, double, rtol=2e-5, atol=4e-6 * scale)
    batch = registry[name](np.stack([source, source[:, ::-1]]).astype(np.float32))
    assert batch.dtype == np.float32
    assert batch.shape == (2, *source.shape)
    np.testing.assert_allclose(batch[1], double[:, ::-1], rtol=2e-5, atol=4e-6 * scale)


@pytest.mark.parametrize("name", ANALYTIC)
def test_gradients_are_finite_both_ways(name):
    nits = torch.tensor([0.0, 1e-7, 1.0, 150.0, 990.0, 5000.0]).expand(3, 1, 6).clone().requires_grad_()
    OPERATORS[name](nits).sum().backward()
    assert nits.grad is not None
    assert torch.isfinite(nits.grad).all()
    assert nits.grad[:, :, 2].abs().min() > 0
    sdr = torch.tensor([0.0, 1e-4, 0.3, 0.9, 1.0]).expand(3, 1, 5).clone().requires_grad_()
    INVERSES[name](sdr).sum().backward()
    assert sdr.grad is not None
    assert torch.isfinite(sdr.grad).all()


def test_parameters_move_the_white_point(grey_frame):
    np.testing.assert_allclose(hard_clip(grey_frame([100.0]), clip_nits=100.0), 1, rtol=1e-12)
    np.testing.assert_allclose(hard_clip(grey_frame([50.0]), clip_nits=100.0), 0.5 ** (1 / 2.4), rtol=1e-12)
    np.testing.assert_allclose(gamma_clip(grey_frame([250.0]), clip_nits=250.0, gamma=2.4), 1, rtol=1e-12)
    np.testing.assert_allclose(gamma_clip(grey_frame([100.0])), 0.25 ** (1 / 2.2), rtol=1e-12)
    np.testing.assert_allclose(logc(grey_frame([500.0]), white_nits=50.0), 1, rtol=1e-12)


def test_logc_curve_is_the_normalised_camera_curve(grey_frame):
    black, grey, white = logc3.oetf(np.array([0.0, 0.18, 10.0]))
    np.testing.assert_allclose(logc(grey_frame([18.0]))[0], (grey - black) / (white - black), rtol=1e-12)
