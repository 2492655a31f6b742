import math

import pytest
import torch

from lumaflux.color import pq
from lumaflux.lab.evaluation import scores
from lumaflux.lab.evaluation.metrics.delta_e_itp import delta_e_itp
from lumaflux.lab.evaluation.metrics.exposure import aligned
from lumaflux.lab.evaluation.metrics.psnr import psnr
from lumaflux.lab.evaluation.presets import KEYS, TEMPORAL_KEYS, Preset, preset_named
from lumaflux.lab.evaluation.scores import Scorer


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    reference = 0.2 + 0.5 * torch.rand(1, 3, 40, 48, generator=generator)
    return (reference + 0.01 * torch.randn(reference.shape, generator=generator)).clamp(0, 1), reference


def test_scores_are_those_of_the_metrics(pictures):
    test, reference = pictures
    found = Scorer(preset_named("luma-eval"))(test, reference, reference)
    nits = pq.eotf(test), pq.eotf(reference)
    exact = aligned(*nits)
    assert tuple(found) == KEYS
    assert found["psnr"] == pytest.approx(psnr(test, reference).item(), abs=1e-9)
    assert found["psnr_aligned"] == pytest.approx(psnr(pq.inverse_eotf(exact), reference).item(), abs=1e-6)
    assert found["delta_e_itp"] == pytest.approx(delta_e_itp(*nits).mean.item(), rel=1e-6)
    assert found["delta_e_itp_aligned"] == pytest.approx(delta_e_itp(exact, nits[1]).mean.item(), rel=1e-6)
    assert found["delta_e_itp_clipped"] is None  # no pixel of this source is


def test_nothing_is_computed_that_the_preset_does_not_ask_for(pictures, monkeypatch):
    def never(*_, **__):
        raise AssertionError("asked for")

    for name in ("aligned", "pu21_psnr", "pu21_psnr_y", "pu21_ssim", "ssim", "hdrvdp3", "mean_delta_e_itp"):
        monkeypatch.setattr(scores, name, never)
    alone = Scorer(Preset(name="two", keys=("psnr", "delta_e_itp")))(*pictures)
    assert tuple(alone) == ("psnr", "delta_e_itp")
    with pytest.raises(AssertionError, match="asked for"):
        Scorer(preset_named("hdrtv1k"))(*pictures)


def test_light_is_decoded_once_a_picture(pictures, monkeypatch):
    decoded = []
    whole = pq.eotf
    monkeypatch.setattr(scores.pq, "eotf", lambda strip: decoded.append(strip.shape[-2]) or whole(strip))
    Scorer(preset_named("luma-eval"))(*pictures)
    assert sum(decoded) == 2 * 40


def test_equal_pictures_and_pictures_that_do_not_compare(pictures):
    _, reference = pictures
    scorer = Scorer(preset_named("luma-eval"))
    equal = scorer(reference, reference)
    assert equal["psnr"] == equal["pu21_psnr"] == equal["pu21_psnr_y"] == math.inf
    assert equal["hdrvdp3_q"] == 10
    with pytest.raises(ValueError, match="differ in size"):
        scorer(reference[..., :24], reference)
    with pytest.raises(ValueError, match="the test picture holds NaN"):
        scorer(reference * math.nan, reference)


def test_a_presets_options_say_what_every_score_depends_on():
    options = preset_named("luma-eval").options()
    described = {"psnr", "ssim", "pu21", "delta_e_itp", "aligned", "hdrvdp3", "hdr_lpips"}
    assert described | {"warping_error", "light_over_time", "cvvdp"} <= options.keys()
    assert options["warping_error"]["flow"].startswith("DIS")
    assert {"flicker", "p99_track_error", "p50_track_error", "flicker_spectrum"} <= options["light_over_time"].keys()
    assert len(set(TEMPORAL_KEYS)) == len(TEMPORAL_KEYS)
