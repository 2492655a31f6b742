"""The fitted static curve: monotone, better than placement on its own pairs, exact where one curve suffices."""

import json

import numpy as np
import pytest

from lumaflux.color import bt1886, pq
from lumaflux.color.primaries import luminance
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.lab.evaluation.static_curve import FITTED, Family, fit_static_curve, isotonic, read_curve, write_curve


def pairs(family: Family = "channel") -> list[tuple[np.ndarray, np.ndarray]]:
    """SDR and an HDR rendition by a curve on each channel, or on luminance, plus noise."""
    rng = np.random.default_rng(0)
    sdr = np.round(rng.random((4, 3, 32, 32)) * 255) / 255
    placed = pq.eotf(sdr_to_pq(sdr)) / 203
    level = placed if family == "channel" else luminance(placed)
    hdr = pq.inverse_eotf(placed * (60 + 800 * level**2))
    return [(sdr.astype(np.float32), (hdr + rng.normal(scale=0.01, size=hdr.shape)).clip(0, 0.7518).astype(np.float32))]


def test_isotonic_pools_violators():
    np.testing.assert_allclose(isotonic(np.array([1.0, 3.0, 2.0]), np.array([1.0, 1.0, 3.0])), [1.0, 2.25, 2.25])


@pytest.mark.parametrize("family", ["channel", "luma"])
def test_curve_is_monotone_and_beats_placement_on_its_pairs(family: Family):
    material = pairs(family)
    curve = fit_static_curve(material, family)
    assert (np.diff(curve.pq) >= 0).all()
    assert (np.diff(curve.signal) > 0).all()
    sdr, hdr = material[0]
    fitted = np.square(curve(sdr) - hdr).mean()
    assert fitted < 0.5 * np.square(sdr_to_pq(sdr) - hdr).mean()


def test_channel_curve_recovers_a_channel_curve():
    sdr, hdr = pairs()[0]
    curve = fit_static_curve([(sdr, hdr)], "channel")
    assert np.sqrt(np.square(curve(sdr) - hdr).mean()) < 0.012  # the noise's deviation is 0.01


def test_luma_curve_keeps_grey_grey_and_black_dark():
    curve = fit_static_curve(pairs("luma"), "luma")
    grey = np.broadcast_to(np.linspace(0, 1, 64, dtype=np.float32), (3, 1, 64))
    out = curve(grey)
    assert np.ptp(out, axis=0).max() < 1e-4
    assert np.isfinite(out).all()


def test_no_pixels():
    with pytest.raises(ValueError, match="no pixels"):
        fit_static_curve([], "channel")


def test_signal_axis_is_bt1886_of_bt2020_light():
    sdr = np.full((1, 3, 8, 8), 0.5, dtype=np.float32)
    curve = fit_static_curve([(sdr, np.full((1, 3, 8, 8), 0.4, dtype=np.float32))], "channel")
    assert curve.signal[0] == pytest.approx(bt1886.inverse_eotf(np.array(0.5**2.4), white_nits=1.0), abs=1e-5)
    assert curve.pq[0] == pytest.approx(0.4, abs=1e-6)


def test_a_curve_written_and_read_is_the_same(tmp_path):
    curve = fit_static_curve(pairs("luma"), "luma")
    write_curve(tmp_path / "curve.json", curve, {"from": "noise"})
    again = read_curve(tmp_path / "curve.json")
    np.testing.assert_allclose(again(pairs()[0][0]), curve(pairs()[0][0]), atol=2e-5, rtol=0)
    assert again.family == "luma"


@pytest.mark.parametrize(
    "content",
    [
        "nonsense",
        "{}",
        '{"family": "luma", "signal": [0, 1], "pq": [0.5, 0.4]}',
        '{"family": "luma", "signal": [1, 0], "pq": [0, 1]}',
        '{"family": "luma", "signal": [0, 1], "pq": [0, 2]}',
        '{"family": "luma", "signal": [0, 1], "pq": [0, 0.5, 1]}',
        '{"family": "cube", "signal": [0, 1], "pq": [0, 1]}',
        '{"family": "luma", "signal": [0, 1], "pq": [0, "x"]}',
        '{"family": "luma", "signal": [0, NaN], "pq": [0, 1]}',
    ],
)
def test_a_file_that_holds_no_curve_is_refused(tmp_path, content):
    (tmp_path / "curve.json").write_text(content)
    with pytest.raises(UserError, match=r"curve\.json holds no"):
        read_curve(tmp_path / "curve.json")


def test_the_curve_that_ships_expands_highlights_and_comes_from_training_scenes():
    from lumaflux.lab.data.scenes import scene_table

    curve = read_curve(FITTED)
    white = np.ones((3, 1, 1), dtype=np.float32)
    assert 203 < pq.eotf(curve(white)).mean() < 1000
    recipe = json.loads(FITTED.read_text())["recipe"]
    table = scene_table()
    assert {table.split(table.scene(name)) for name in recipe["scenes"]} == {"train"}


def test_fitting_to_views_finds_their_rendering(tmp_path):
    """Grey views through every rendering: the curve lies between the highest and the lowest of their inverses."""
    from safetensors.numpy import save_file

    from lumaflux.color.operators import OPERATORS
    from lumaflux.lab.evaluation.static_curve_fit import fit_on_views

    ramp = np.linspace(0, pq.inverse_eotf(np.array(1000.0)), 32 * 32).reshape(32, 32)
    views = np.rint(65535 * np.broadcast_to(ramp, (2, 3, 32, 32))).astype(np.uint16)
    save_file({"views": np.ascontiguousarray(views)}, tmp_path / "a.safetensors")
    entry = {
        "file": "a.safetensors",
        "name": "x/a",
        "scene": "a",
        "split": "train",
        "kind": "panorama",
        "licence": "CC0",
    }
    (tmp_path / "manifest.json").write_text(json.dumps([entry]))
    seen = []
    curve = fit_on_views(tmp_path, tmp_path / "curve.json", lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(OPERATORS), len(OPERATORS))
    assert json.loads((tmp_path / "curve.json").read_text())["recipe"]["scenes"] == ["x/a"]
    grey = ramp.reshape(1, 1, -1).repeat(3, axis=0)
    signals = np.stack([OPERATORS[name](pq.eotf(grey)).clip(0, 1).mean(axis=0)[0] for name in OPERATORS])
    at = np.array([0.3, 0.5, 0.7])
    inverses = np.stack([np.interp(at, np.maximum.accumulate(signal), ramp.ravel()) for signal in signals])
    found = np.interp(at, curve.signal, curve.pq)
    assert (inverses.min(axis=0) - 0.01 < found).all()
    assert (found < inverses.max(axis=0) + 0.01).all()


def test_no_views_are_an_error(tmp_path):
    from lumaflux.lab.evaluation.static_curve_fit import fit_on_views

    with pytest.raises(UserError, match="holds no views"):
        fit_on_views(tmp_path, tmp_path / "curve.json")
