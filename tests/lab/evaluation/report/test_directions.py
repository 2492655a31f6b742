import pytest

from lumaflux.lab.evaluation.presets import PRESETS
from lumaflux.lab.evaluation.report.directions import in_order, metric_named

KEYS = sorted({key for preset in PRESETS.values() for key in (*preset.keys, *preset.temporal_keys)})

WITHOUT = {"error_exposure", "error_curve", "error_color", "error_local", "clipped_peak"}  # shares, and a signed ratio


@pytest.mark.parametrize("key", KEYS)
def test_every_score_of_every_preset_has_a_direction(key):
    higher = any(word in key for word in ("psnr", "ssim", "hdrvdp3", "jod", "correlation"))
    if key in WITHOUT:
        assert metric_named(key).better is None
    elif "reference" not in key and "tracks" not in key:
        assert metric_named(key).better == ("higher" if higher else "lower")


def test_an_unknown_key_is_shown_under_its_own_name():
    metric = metric_named("something_new")
    assert (metric.label, metric.better, metric.is_better(1.0)) == ("something new", None, None)
    assert metric_named("warping_error_reference").better is None


def test_known_keys_come_first_and_none_is_lost():
    assert in_order(["zeta", "delta_e_itp", "psnr", "alpha", "zeta"]) == ["psnr", "delta_e_itp", "zeta", "alpha"]


def test_numbers_as_a_reader_expects_them():
    psnr = metric_named("psnr")
    assert psnr.text(31.456) == "31.46"
    assert psnr.text(-0.004, signed=True) == "0.00"
    assert psnr.text(-1.5, signed=True) == "−1.50"
    assert psnr.text(1.5, signed=True) == "+1.50"
    assert psnr.text(float("inf")) == "∞"
    assert psnr.text(None) == "–"
    assert psnr.is_better(0.1)
    assert metric_named("delta_e_itp").is_better(0.1) is False
