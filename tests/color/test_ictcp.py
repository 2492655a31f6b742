import numpy as np
import pytest

from engine.color import ictcp


def frame(values):
    return np.array(values).T[:, None, :]


def test_published_ictcp(backend, golden):
    entry = golden["ictcp_from_bt2020_nits"]
    out = ictcp.rgb_to_ictcp(backend.asarray(frame(entry["rgb"])))
    np.testing.assert_allclose(out, frame(entry["ictcp"]), rtol=0, atol=backend.tolerance(1e-10, 2e-5))


def test_inverse(golden):
    rgb = frame(golden["ictcp_from_bt2020_nits"]["rgb"])
    np.testing.assert_allclose(ictcp.ictcp_to_rgb(ictcp.rgb_to_ictcp(rgb)), rgb, atol=1e-4)


def test_published_differences(backend, golden):
    entry = golden["delta_E_ITP"]
    difference = ictcp.delta_e_itp(
        backend.asarray(frame(entry["rgb1_nits"])), backend.asarray(frame(entry["rgb2_nits"]))
    )
    np.testing.assert_allclose(difference[0], entry["dE"], rtol=backend.tolerance(1e-7, 2e-3), atol=1e-2)


def test_docstring_pair(golden):
    entry = golden["delta_E_ITP_docstring"]
    one, two = np.array(entry["ictcp1"]), np.array(entry["ictcp2"])
    di, dct, dcp = one - two
    assert abs(720 * np.sqrt(di**2 + 0.25 * dct**2 + dcp**2) - entry["dE"]) < 1e-10


def test_scaling_pitfalls_show(golden):
    entry, pitfalls = golden["delta_E_ITP"], golden["pitfall_dEITP_mean"]
    a, b = frame(entry["rgb1_nits"]), frame(entry["rgb2_nits"])
    assert ictcp.delta_e_itp(a, b).mean() == pytest.approx(np.mean(entry["dE"]), rel=1e-9)
    assert ictcp.delta_e_itp(a / 10, b / 10).mean() != pytest.approx(np.mean(entry["dE"]), rel=1e-2)
    assert pitfalls["no_T_halving"] > pitfalls["correct_absolute_nits"]


def test_grey_has_no_chroma():
    grey = np.geomspace(0.01, 1000, 50).reshape(1, 1, 50).repeat(3, axis=0)
    np.testing.assert_allclose(ictcp.rgb_to_ictcp(grey)[1:], 0, atol=1e-9)
