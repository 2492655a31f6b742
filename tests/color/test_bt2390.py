import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import bt2390, ictcp, pq

RANGES = [(1000, 100, 0.0, 0.0), (1000, 203, 0.005, 0.1), (4000, 100, 0.0001, 0.5), (10000, 5, 0.0, 0.0)]
MODES = ["max-rgb", "per-channel", "luma", "ictcp"]


def _signal(nits):
    return float(pq.inverse_eotf(np.array([float(nits)]))[0]) if nits else 0.0


@pytest.mark.parametrize(
    ("entry", "levels"),
    [
        ("bt2390_eetf_1000_0_to_100_0", (1000, 100)),
        ("bt2390_eetf_1000_0.005_to_203_0.1", (1000, 203, 0.005, 0.1)),
    ],
)
def test_published_curves(backend, golden, entry, levels):
    mapped = bt2390.eetf(backend.asarray(golden[entry]["x"]), *levels)
    assert backend.same_kind(mapped)
    np.testing.assert_allclose(mapped, golden[entry]["y"], rtol=0, atol=backend.tolerance(1e-13, 5e-7))


def test_cube_is_the_printed_spline():
    """P of 5.4.1 with its four printed Hermite terms, against the cube that it collapses to."""
    master, target = _signal(1000), _signal(100)
    e1, max_lum = np.linspace(0, 1, 1001), target / master
    knee = 1.5 * max_lum - 0.5
    assert max_lum == pytest.approx(0.67579, abs=5e-6)
    assert knee == pytest.approx(0.51369, abs=5e-6)
    assert pq.eotf(np.array([knee * master]))[0] == pytest.approx(27.86, abs=5e-3)
    t = (e1 - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * max_lum
    expected = np.where(e1 < knee, e1, spline) * master
    np.testing.assert_allclose(bt2390.eetf(e1 * master, 1000, 100), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("levels", RANGES)
def test_eetf_increases_and_keeps_the_ends(levels):
    master, target, master_black, target_black = levels
    e = np.linspace(_signal(master_black), _signal(master), 5001)
    mapped = bt2390.eetf(e, *levels)
    assert (np.diff(mapped) > 0).all()
    assert mapped[0] == pytest.approx(_signal(target_black), abs=1e-14)
    assert mapped[-1] == pytest.approx(_signal(target), abs=1e-14 if not target_black else 2e-2)


@pytest.mark.parametrize("levels", RANGES)
def test_inverse_undoes_the_eetf(levels):
    e = np.linspace(_signal(levels[2]), _signal(levels[0]), 5001)
    np.testing.assert_allclose(bt2390.inverse_eetf(bt2390.eetf(e, *levels), *levels), e, rtol=0, atol=1e-4)
    lower = e[: len(e) * 9 // 10]
    np.testing.assert_allclose(bt2390.inverse_eetf(bt2390.eetf(lower, *levels), *levels), lower, rtol=0, atol=1e-11)


def test_a_brighter_target_leaves_the_signal():
    e = np.linspace(0, _signal(1000), 100)
    np.testing.assert_allclose(bt2390.eetf(e, 1000, 2000), e, rtol=0, atol=1e-15)


def test_signals_beyond_the_master_stop_at_its_ends():
    np.testing.assert_allclose(bt2390.eetf(np.array([-0.1, 0.95]), 1000, 100), [0, _signal(100)], rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        bt2390.inverse_eetf(np.array([-0.1, 0.9]), 1000, 100), [0, _signal(1000)], rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("levels", [(100, 100, 100, 0), (1000, 100, 0, 200), (1000, 100, -1, 0)])
def test_an_empty_range_is_refused(levels):
    with pytest.raises(ValueError, match="black levels"):
        bt2390.eetf(np.zeros(1), *levels)


def test_a_black_lift_without_inverse_is_refused():
    with pytest.raises(ValueError, match="no inverse"):
        bt2390.inverse_eetf(np.zeros(1), 1000, 100, 0, 5)


@pytest.mark.parametrize("mode", MODES)
def test_modes_agree_on_grey(mode, grey_frame):
    levels = np.geomspace(0.1, 1000, 40)
    mapped = bt2390.tone_map(grey_frame(levels), lambda e: bt2390.eetf(e, 1000, 100), mode)
    expected = pq.eotf(bt2390.eetf(pq.inverse_eotf(levels), 1000, 100))
    np.testing.assert_allclose(mapped[:, 0], np.stack([expected] * 3), rtol=1e-9)


def test_max_rgb_keeps_the_ratios_of_the_channels(hdr_nits):
    mapped = bt2390.tone_map(hdr_nits, lambda e: bt2390.eetf(e, 1000, 100))
    assert mapped.max() <= 100 + 1e-9
    bright = hdr_nits.max(axis=0) > 1
    ratios = (mapped / mapped.max(axis=0).clip(1e-9))[:, bright]
    np.testing.assert_allclose(ratios, (hdr_nits / hdr_nits.max(axis=0).clip(1e-9))[:, bright], rtol=1e-9)


@pytest.mark.parametrize("mode", ["luma", "ictcp"])
def test_chroma_shrinks_with_the_intensity(mode):
    red = np.array([900.0, 60.0, 40.0]).reshape(3, 1, 1)
    before = ictcp.rgb_to_ictcp(red)
    after = ictcp.rgb_to_ictcp(bt2390.tone_map(red, lambda e: bt2390.eetf(e, 1000, 100), mode))
    assert after[0] < before[0]
    assert np.hypot(*after[1:].ravel()) < np.hypot(*before[1:].ravel())


def test_an_unknown_mode_is_named():
    with pytest.raises(ValueError, match="max-rgb"):
        bt2390.tone_map(np.ones((3, 1, 1)), lambda e: e, "saturation")  # pyright: ignore


@given(st.floats(1, 10000), st.floats(1, 10000))
def test_order_of_two_lights_is_kept(a, b):
    low, high = bt2390.eetf(pq.inverse_eotf(np.array(sorted((a, b)))), 10000, 60)
    assert low <= high


@pytest.mark.parametrize("mode", MODES)
def test_gradients_are_finite_both_ways(mode):
    nits = torch.tensor([0.0, 1e-7, 1.0, 150.0, 1000.0]).expand(3, 1, 5).clone().requires_grad_()
    bt2390.sdr_from_hdr(nits, mode=mode).sum().backward()
    assert nits.grad is not None
    assert torch.isfinite(nits.grad).all()
    sdr = torch.tensor([0.0, 1e-4, 0.3, 0.9, 1.0]).expand(3, 1, 5).clone().requires_grad_()
    bt2390.hdr_from_sdr(sdr, mode=mode).sum().backward()
    assert sdr.grad is not None
    assert torch.isfinite(sdr.grad).all()
