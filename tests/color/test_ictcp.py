import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumaflux.color import ictcp, pq


def _difference(ictcp1, ictcp2, t_of_ct=0.5):
    di, dct, dcp = ictcp1 - ictcp2
    return 720 * np.sqrt(di**2 + (t_of_ct * dct) ** 2 + dcp**2)


@pytest.mark.parametrize("name", ["ictcp", "ictcp_colour"])
def test_published_ictcp(backend, golden, as_frame, name):
    entry = golden["ictcp_from_bt2020_nits"]
    out = ictcp.rgb_to_ictcp(backend.asarray(as_frame(entry["rgb"])))
    assert backend.same_kind(out)
    np.testing.assert_allclose(out, as_frame(entry[name]), rtol=0, atol=backend.tolerance(1e-12, 2e-6))


def test_inverse_is_as_exact_as_the_published_one(golden, as_frame):
    rgb = as_frame(golden["ictcp_from_bt2020_nits"]["rgb"])
    error = np.max(np.abs(ictcp.ictcp_to_rgb(ictcp.rgb_to_ictcp(rgb)) - rgb))
    assert error <= golden["ictcp_inverse_max_err_nits"]


def test_published_differences(backend, golden, as_frame):
    entry = golden["delta_E_ITP"]
    one, two = (backend.asarray(as_frame(entry[key])) for key in ("rgb1_nits", "rgb2_nits"))
    difference = ictcp.delta_e_itp(one, two)
    assert backend.same_kind(difference)
    assert tuple(difference.shape) == (1, len(entry["dE"]))
    np.testing.assert_allclose(difference[0], entry["dE"], rtol=0, atol=backend.tolerance(1e-9, 2e-3))


def test_docstring_pair(golden):
    entry = golden["delta_E_ITP_docstring"]
    assert _difference(np.array(entry["ictcp1"]), np.array(entry["ictcp2"])) == pytest.approx(entry["dE"], abs=1e-12)


@pytest.mark.parametrize(
    ("pitfall", "scale"),
    [
        ("correct_absolute_nits", 1.0),
        ("x/10 (1000-nit-normalised treated as 10000)", 0.1),
        ("x*10 (PQ fraction of 1000 scaled to 10000)", 10.0),
    ],
)
def test_a_wrong_scale_gives_the_published_wrong_mean(golden, as_frame, pitfall, scale):
    entry = golden["delta_E_ITP"]
    one, two = as_frame(entry["rgb1_nits"]), as_frame(entry["rgb2_nits"])
    mean = ictcp.delta_e_itp(scale * one, scale * two).mean()
    assert mean == pytest.approx(golden["pitfall_dEITP_mean"][pitfall], rel=1e-10)


def test_without_the_halved_t_the_mean_is_the_published_wrong_one(golden, as_frame):
    entry = golden["delta_E_ITP"]
    one, two = (ictcp.rgb_to_ictcp(as_frame(entry[key])) for key in ("rgb1_nits", "rgb2_nits"))
    wrong = golden["pitfall_dEITP_mean"]["no_T_halving"]
    assert _difference(one, two, t_of_ct=1.0).mean() == pytest.approx(wrong, rel=1e-10)


@given(st.floats(0, 10000))
def test_grey_has_no_chroma_and_its_intensity_is_its_signal(level):
    grey = np.full((3, 1, 1), level)
    i, ct, cp = ictcp.rgb_to_ictcp(grey).ravel()
    np.testing.assert_allclose([ct, cp], 0, atol=1e-14)
    assert i == pytest.approx(pq.inverse_eotf(np.array(level)), abs=1e-14)


def test_light_beyond_the_container_is_clamped():
    outside, inside = np.array([-5.0, 2e4, 50.0]), np.array([0.0, 1e4, 50.0])
    np.testing.assert_array_equal(
        ictcp.rgb_to_ictcp(outside.reshape(3, 1, 1)), ictcp.rgb_to_ictcp(inside.reshape(3, 1, 1))
    )


def test_gradients_are_finite_at_black_and_for_equal_pixels():
    one = torch.tensor([0.0, 1e-8, 10.0, 1000.0]).expand(3, 1, 4).clone().requires_grad_()
    two = one.detach() + torch.tensor([0.0, 0.0, 0.0, 1.0])
    ictcp.delta_e_itp(one, two).sum().backward()
    assert one.grad is not None
    assert torch.isfinite(one.grad).all()
    signal = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1).clone().requires_grad_()
    ictcp.ictcp_to_rgb(signal).sum().backward()
    assert signal.grad is not None
    assert torch.isfinite(signal.grad).all()
