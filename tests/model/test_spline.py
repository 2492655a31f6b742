import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.color import pq
from lumaflux.model.build import build
from lumaflux.model.presets import TINY_FLUX
from lumaflux.model.spline import PEAK_PQ, apply_spline, knots_from_logits

seeds = st.integers(0, 10_000)


def random_knots(seed, scale=4.0):
    logits = scale * torch.randn(2, 25, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)
    return knots_from_logits(logits, 8)


@settings(deadline=None, max_examples=100)
@given(seed=seeds, kind=st.sampled_from(["monotone", "linear"]))
def test_curves_are_monotone_and_keep_the_ends(seed, kind):
    y = torch.linspace(0, 1, 4001).expand(2, -1)
    curve = apply_spline(y, random_knots(seed), kind)
    assert (curve.diff(dim=1) >= -2e-6).all()
    assert curve[:, 0].abs().max() < 1e-6
    assert (curve[:, -1] - 1).abs().max() < 1e-5


@settings(deadline=None, max_examples=50)
@given(seed=seeds)
def test_curves_pass_their_knots(seed):
    knots = random_knots(seed)
    assert torch.allclose(apply_spline(knots.x, knots), knots.y, atol=2e-5)


def test_tone_field_starts_as_the_identity_and_keeps_grey_grey():
    tone = build(TINY_FLUX, seed=0).adapters.tone
    grey = torch.linspace(0, 1, 256).view(1, 1, 1, 256).expand(1, 3, 4, 256)
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        out = tone(grey, tone.knots(latents))
    assert (out - grey.clamp(max=PEAK_PQ)).abs().max() < 2e-6


def test_peak_is_pq_of_1000_nit():
    assert abs(PEAK_PQ - 0.751827) < 1e-6
    assert abs(float(pq.eotf(torch.tensor(PEAK_PQ, dtype=torch.float64))) - 1000) < 1e-6


def test_gradients_are_finite_on_black():
    tone = build(TINY_FLUX, seed=0).adapters.tone
    picture = torch.zeros(1, 3, 8, 8, requires_grad=True)
    tone(
        picture, random_knots(0, 0.1).__class__(**{k: v[:1] for k, v in vars(random_knots(0)).items()})
    ).sum().backward()
    assert picture.grad is not None
    assert torch.isfinite(picture.grad).all()
