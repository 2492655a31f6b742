"""The tone predictor: where it starts, the laws it keeps whatever it predicts, and that size does not matter."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.color import ictcp, pq
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.model.presets import TINY_FLUX
from lumaflux.model.spline import PEAK_PQ, knots_from_logits
from lumaflux.model.tone_cues import CHROMA_BINS, LENGTH, distribution, soft_histogram
from lumaflux.model.tone_predictor import ToneCurve, TonePredictor, static_curve

CONFIG = replace(TINY_FLUX, tone_bins=12)


@pytest.fixture(scope="module")
def predictor() -> TonePredictor:
    torch.manual_seed(0)
    return TonePredictor(CONFIG)


def placement(seed: int) -> ToneCurve:
    generator = torch.Generator().manual_seed(seed)
    mixture = 0.3 * torch.rand(1, 3, 3, generator=generator) - 0.15
    mixture -= mixture.mean(2, keepdim=True)
    return ToneCurve(
        knots=knots_from_logits(2 * torch.randn(1, 37, generator=generator), 12),
        floor=torch.tensor([0.02]),
        top=torch.tensor([0.5 + 0.2 * float(torch.rand((), generator=generator))]),
        by_channel=torch.rand(1, generator=generator),
        matrix=torch.eye(3) + mixture,
    )


def ramp(count: int = 256) -> torch.Tensor:
    return torch.linspace(0, 1, count).expand(1, 3, 1, count)


def test_begins_near_static_placement(predictor: TonePredictor):
    placed = predictor(ramp(), predictor.predict(ramp()))
    difference = ictcp.delta_e_itp(pq.eotf(placed), pq.eotf(sdr_to_pq(ramp())))
    assert difference[..., 30:].max() < 12


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_grey_stays_grey_and_tone_rises(seed: int):
    placed = TonePredictor(CONFIG)(ramp(), placement(seed))
    grey = placed.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    assert ictcp.delta_e_itp(pq.eotf(placed), pq.eotf(grey)).max() < 0.5
    assert (placed.diff(dim=-1) > -1e-5).all()
    assert placed.min() >= 0
    assert placed.max() <= PEAK_PQ


def random_predictor(seed: int, deviation: float) -> TonePredictor:
    """One whose last layer says wild things."""
    torch.manual_seed(seed)
    predictor = TonePredictor(CONFIG)
    torch.nn.init.normal_(predictor.head.weight, std=deviation)
    torch.nn.init.normal_(predictor.head.bias, std=1.0)
    torch.nn.init.normal_(predictor.line, std=0.5)
    return predictor.requires_grad_(False)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_predicted_white_has_no_jump_and_black_is_black(seed: int):
    predictor = random_predictor(seed, 2.0)
    sdr = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(seed))
    predicted = predictor.predict(sdr)
    top = torch.tensor([250.0, 255.0]).div(255).expand(1, 3, 1, 2)
    light = pq.eotf(predictor(top, predicted))[0, 1, 0]
    assert 0 <= torch.log2(light[1] / light[0]) < 0.15  # stops; the codes' own light is 0.07 apart
    assert pq.eotf(predictor(torch.zeros(1, 3, 1, 1), predicted)).max() < 0.01
    placed = predictor(ramp(), predicted)
    assert (placed.diff(dim=-1) > -1e-5).all()
    assert placed.max() <= PEAK_PQ


def test_a_source_that_is_told_and_one_that_is_not():
    predictor = random_predictor(3, 0.5)
    sdr = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(3))
    own, camera, graded = (predictor.read(sdr, kind) for kind in (None, 1.0, 0.0))
    assert not torch.allclose(camera.placement.top, graded.placement.top)
    share = (own.camera / predictor.temperature).sigmoid()
    assert torch.equal(predictor.read(sdr, share).placement.top, own.placement.top)
    mixed = predictor.read(sdr, torch.tensor([1.0, float("nan")])).placement.top
    torch.testing.assert_close(mixed, torch.stack([camera.placement.top[0], own.placement.top[1]]))


def test_without_a_residual_the_exposure_is_a_line_in_the_log_average():
    predictor = TonePredictor(CONFIG).requires_grad_(False)
    predictor.head.weight.zero_()
    predictor.line.copy_(torch.tensor([[0.5, -0.25], [0.5, -0.25]]))
    stops = []
    for code in (0.2, 0.6):
        grey = torch.full((1, 3, 16, 16), code)
        placed = predictor(grey, predictor.predict(grey))
        light = pq.eotf(placed).mean() / pq.eotf(sdr_to_pq(grey)).mean()
        stops.append((float(light.log2()), 0.5 - 0.25 * (2.4 * math.log2(code) + 2.5)))
    for found, wanted in stops:
        assert found == pytest.approx(wanted, abs=0.05)


def test_static_curve_is_static_placement(predictor: TonePredictor):
    sdr = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(1))
    placed = predictor(sdr, static_curve(random_predictor(1, 1.0).predict(sdr)))
    torch.testing.assert_close(placed, sdr_to_pq(sdr), atol=2e-3, rtol=0)


def test_bands_are_seamless(predictor: TonePredictor, monkeypatch: pytest.MonkeyPatch):
    sdr = torch.rand(2, 3, 37, 24, generator=torch.Generator().manual_seed(1))
    predicted = predictor.predict(sdr)
    whole = predictor(sdr, predicted)
    monkeypatch.setattr("lumaflux.model.tone_predictor._BAND_PIXELS", 24 * 5)
    # Vector code computes powers of a row's last pixels otherwise than those before; 1e-5 is 0.01 of a ten-bit code.
    torch.testing.assert_close(predictor(sdr, predicted), whole, atol=1e-5, rtol=0)


def test_size_hardly_matters(predictor: TonePredictor):
    small = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(2))
    large = small.repeat_interleave(10, 2).repeat_interleave(10, 3)
    assert distribution(small).shape == (1, LENGTH)
    contrast = slice(LENGTH - 7 - CHROMA_BINS, LENGTH - 7)  # which is of neighbours, at whatever size
    kept = torch.ones(LENGTH, dtype=torch.bool)
    kept[contrast] = False
    torch.testing.assert_close(distribution(large)[:, kept], distribution(small)[:, kept], atol=0.12, rtol=0)
    assert (distribution(large)[:, contrast] < distribution(small)[:, contrast] + 1e-6).all()


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50), st.integers(2, 64))
def test_histograms_keep_mass_and_mean(values: list[float], bins: int):
    given_values = torch.tensor([values])
    mass = soft_histogram(given_values, bins)
    assert mass.sum().item() == pytest.approx(1, abs=1e-5)
    assert (mass * torch.linspace(0, 1, bins)).sum().item() == pytest.approx(given_values.mean().item(), abs=1e-4)


def test_gradients_are_finite_at_black_and_white(predictor: TonePredictor):
    sdr = torch.zeros(1, 3, 16, 16)
    sdr[..., 8:] = 1.0
    predictor(sdr, predictor.predict(sdr)).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in predictor.parameters() if p.grad is not None)
