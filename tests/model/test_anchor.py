"""The light anchor: where it starts, the laws it keeps whatever it predicts, and that size does not matter."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.color import ictcp, pq
from lumaflux.color.placement import static_placement
from lumaflux.model.anchor import LightAnchor, Placement
from lumaflux.model.anchor_cues import LENGTH, distribution, soft_histogram
from lumaflux.model.presets import TINY
from lumaflux.model.spline import PEAK_PQ, knots_from_logits

CONFIG = replace(TINY, anchor_bins=12)


@pytest.fixture(scope="module")
def anchor() -> LightAnchor:
    torch.manual_seed(0)
    return LightAnchor(CONFIG)


def placement(seed: int) -> Placement:
    generator = torch.Generator().manual_seed(seed)
    mixture = 0.3 * torch.rand(1, 3, 3, generator=generator) - 0.15
    mixture -= mixture.mean(2, keepdim=True)
    return Placement(
        knots=knots_from_logits(2 * torch.randn(1, 37, generator=generator), 12),
        floor=torch.tensor([0.02]),
        top=torch.tensor([0.5 + 0.2 * float(torch.rand((), generator=generator))]),
        by_channel=torch.rand(1, generator=generator),
        matrix=torch.eye(3) + mixture,
    )


def ramp(count: int = 256) -> torch.Tensor:
    return torch.linspace(0, 1, count).expand(1, 3, 1, count)


def test_begins_near_static_placement(anchor: LightAnchor):
    placed = anchor(ramp(), anchor.predict(ramp()))
    difference = ictcp.delta_e_itp(pq.eotf(placed), pq.eotf(static_placement(ramp())))
    assert difference[..., 30:].max() < 12


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_grey_stays_grey_and_tone_rises(seed: int):
    placed = LightAnchor(CONFIG)(ramp(), placement(seed))
    grey = placed.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    assert ictcp.delta_e_itp(pq.eotf(placed), pq.eotf(grey)).max() < 0.5
    assert (placed.diff(dim=-1) > -1e-5).all()
    assert placed.min() >= 0
    assert placed.max() <= PEAK_PQ


def test_bands_are_seamless(anchor: LightAnchor, monkeypatch: pytest.MonkeyPatch):
    sdr = torch.rand(2, 3, 37, 24, generator=torch.Generator().manual_seed(1))
    predicted = anchor.predict(sdr)
    whole = anchor(sdr, predicted)
    monkeypatch.setattr("lumaflux.model.anchor._BAND_PIXELS", 24 * 5)
    # Vector code computes powers of a row's last pixels otherwise than those before; 1e-5 is 0.01 of a ten-bit code.
    torch.testing.assert_close(anchor(sdr, predicted), whole, atol=1e-5, rtol=0)


def test_size_hardly_matters(anchor: LightAnchor):
    small = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(2))
    large = small.repeat_interleave(10, 2).repeat_interleave(10, 3)
    assert distribution(small).shape == (1, LENGTH)
    torch.testing.assert_close(distribution(large), distribution(small), atol=0.12, rtol=0)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50), st.integers(2, 64))
def test_histograms_keep_mass_and_mean(values: list[float], bins: int):
    given_values = torch.tensor([values])
    mass = soft_histogram(given_values, bins)
    assert mass.sum().item() == pytest.approx(1, abs=1e-5)
    assert (mass * torch.linspace(0, 1, bins)).sum().item() == pytest.approx(given_values.mean().item(), abs=1e-4)


def test_gradients_are_finite_at_black_and_white(anchor: LightAnchor):
    sdr = torch.zeros(1, 3, 16, 16)
    sdr[..., 8:] = 1.0
    anchor(sdr, anchor.predict(sdr)).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in anchor.parameters() if p.grad is not None)
