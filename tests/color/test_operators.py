"""The eight renderings and their inverses: published curves, round trips, grey, order, gradients."""

import numpy as np
import pytest
import torch

from engine.color import aces, bt2390, bt2446a, bt2446c, gamut, pq, reinhard
from engine.color.operators import INVERSES, OPERATORS
from engine.color.primaries import luminance

CURVES = [
    ("bt2446A_luma_hdr_to_sdr_1000_100", bt2446a.luma_to_sdr),
    ("bt2446A_luma_sdr_to_hdr_1000", bt2446a.luma_to_hdr),
    ("bt2446C_Y_hdr_nits_to_sdr_percent", bt2446c.luminance_to_sdr),
    ("bt2446C_Y_sdr_percent_to_hdr_nits", bt2446c.luminance_to_hdr),
    ("bt2390_eetf_1000_0_to_100_0", lambda e: bt2390.eetf(e, 1000, 100)),
    ("bt2390_eetf_1000_0.005_to_203_0.1", lambda e: bt2390.eetf(e, 1000, 203, 0.005, 0.1)),
    ("reinhard_ext_w10", reinhard.curve),
]
ANALYTIC = [name for name in OPERATORS if not name.startswith("aces")]


def grey(levels):
    return np.broadcast_to(np.asarray(levels, dtype=np.float64), (3, 1, len(levels))).copy()


@pytest.mark.parametrize(("entry", "curve"), CURVES)
def test_published_curves(backend, golden, entry, curve):
    values = curve(backend.asarray(golden[entry]["x"]))
    assert backend.same_kind(values)
    np.testing.assert_allclose(values, golden[entry]["y"], rtol=backend.tolerance(1e-7, 1e-4), atol=2e-6)


@pytest.mark.parametrize("name", OPERATORS)
def test_grey_stays_grey_and_in_order(name):
    levels = np.geomspace(0.05, 1000, 120)
    sdr = OPERATORS[name](grey(levels))
    assert sdr.min() >= 0
    assert sdr.max() <= 1
    np.testing.assert_allclose(sdr, sdr[:1].repeat(3, axis=0), atol=5e-3 if name.startswith("aces") else 1e-6)
    assert (np.diff(sdr[1, 0]) >= -1e-6).all()


@pytest.mark.parametrize("name", ["bt2446c", "reinhard", "logc", "bt2390", "gamma-clip", "hard-clip"])
def test_inverse_undoes_the_operator_on_greys_below_clipping(name):
    levels = np.geomspace(0.5, 190, 60)
    back = INVERSES[name](OPERATORS[name](grey(levels)))
    np.testing.assert_allclose(back[1, 0], levels, rtol=2e-3)


def test_method_a_round_trip_is_as_far_off_as_the_standard_itself():
    levels = np.geomspace(5, 900, 80)
    back = bt2446a.hdr_from_sdr(bt2446a.sdr_from_hdr(grey(levels)))
    assert np.max(np.abs(back[1, 0] / levels - 1)) < 0.16
    luma = np.linspace(0.03, 1, 200)
    assert np.max(np.abs(bt2446a.luma_to_hdr(bt2446a.luma_to_sdr(luma)) / luma - 1)) < 0.06


def test_numpy_and_torch_agree(hdr_nits):
    for name in ANALYTIC:
        numpy_sdr = OPERATORS[name](hdr_nits)
        torch_sdr = OPERATORS[name](torch.from_numpy(hdr_nits))
        np.testing.assert_allclose(torch_sdr.numpy(), numpy_sdr, atol=1e-9)
        single = OPERATORS[name](torch.from_numpy(hdr_nits).float())
        assert single.dtype == torch.float32
        np.testing.assert_allclose(single.numpy(), numpy_sdr, atol=2e-3)


@pytest.mark.parametrize("name", ANALYTIC)
def test_gradients_are_finite(name):
    nits = torch.tensor([0.0, 1e-7, 1.0, 150.0, 990.0]).view(1, 1, 5).expand(3, 1, 5).clone().requires_grad_()
    OPERATORS[name](nits).sum().backward()
    assert torch.isfinite(nits.grad).all()
    sdr = torch.tensor([0.0, 1e-4, 0.3, 0.9, 1.0]).view(1, 1, 5).expand(3, 1, 5).clone().requires_grad_()
    if name != "bt2390":  # by bisection: no gradient
        INVERSES[name](sdr).sum().backward()
        assert torch.isfinite(sdr.grad).all()


@pytest.mark.parametrize(
    ("version", "signals"),
    [
        ("1.3", {1: 0.1217, 10: 0.3237, 26: 0.4990, 100: 0.8088, 203: 0.9139, 400: 0.9756}),
        ("2.0", {1: 0.1307, 10: 0.3325, 26: 0.4732, 100: 0.7108, 203: 0.8282, 400: 0.9193, 1000: 1.0}),
    ],
)
def test_aces_greys(version, signals):
    sdr = aces.sdr_from_hdr(grey(list(signals)), version)
    np.testing.assert_allclose(sdr[1, 0], list(signals.values()), atol=2e-3)


def test_aces_inverse():
    levels = np.array([1.0, 10.0, 100.0, 300.0])
    back = aces.hdr_from_sdr(aces.sdr_from_hdr(grey(levels), "2.0"), "2.0")
    np.testing.assert_allclose(back[1, 0], levels, rtol=0.03)


def test_eetf_meets_the_target_and_inverts():
    e = np.linspace(0, float(pq.inverse_eotf(np.array([1000.0]))[0]), 300)
    mapped = bt2390.eetf(e, 1000, 100)
    assert abs(mapped[-1] - pq.inverse_eotf(np.array([100.0]))[0]) < 1e-12
    np.testing.assert_allclose(bt2390.inverse_eetf(mapped[:-1], 1000, 100), e[:-1], atol=1e-6)
    assert (np.diff(bt2390.eetf(e, 1000, 20)) >= -1e-12).all()


@pytest.mark.parametrize("mode", ["max-rgb", "per-channel", "luma", "ictcp"])
def test_eetf_modes_keep_grey(mode):
    levels = np.array([1.0, 20.0, 100.0, 500.0, 1000.0])
    mapped = bt2390.tone_map(grey(levels), lambda e: bt2390.eetf(e, 1000, 100), mode)
    np.testing.assert_allclose(mapped, mapped[:1].repeat(3, axis=0), rtol=1e-5)
    np.testing.assert_allclose(mapped[0, 0, -1], 100, rtol=1e-4)


def test_crosstalk_is_bounded_and_inverts():
    with pytest.raises(ValueError, match="crosstalk"):
        bt2446c.crosstalk_matrix(0.34)
    np.testing.assert_allclose(bt2446c.crosstalk_matrix(0.05).sum(axis=1), 1)


def test_desaturation_keeps_luminance_and_stays_inside():
    rng = np.random.default_rng(0)
    rgb = rng.random((3, 20, 20))
    mapped = gamut.desaturate_to_bt709(rgb)
    assert mapped.min() >= 0
    assert mapped.max() <= 1
    np.testing.assert_allclose(luminance(mapped, (0.2126, 0.7152, 0.0722)), luminance(rgb), atol=2e-4)
    inside = gamut.clip_to_bt709(grey([0.2, 0.5]))
    np.testing.assert_allclose(gamut.desaturate_to_bt709(grey([0.2, 0.5])), inside, atol=1e-12)
