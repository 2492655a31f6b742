"""Debanding: the codes stay the same, steps of smooth ramps go, texture and edges stay."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.inference import debanding
from lumaflux.inference.debanding import deband, deband_reference


def codes(signal: torch.Tensor) -> torch.Tensor:
    return (255 * signal).round()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40))
def test_every_pixel_keeps_its_code(seed: int, height: int, width: int):
    sdr = codes(torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))) / 255
    assert (deband(sdr) - sdr).abs().max() <= 0.5 / 255 + 1e-6


def test_a_slow_ramp_loses_its_steps():
    true = torch.linspace(0.40, 0.46, 400).expand(1, 3, 40, 400)  # a code every 26 pixels
    banded = codes(true) / 255
    inner = slice(40, 360)
    before, after = (picture[0, 0, 20, inner].diff().abs().max() for picture in (banded, deband(banded)))
    assert after < 0.25 * before
    assert (deband(banded) - true)[..., inner].abs().mean() < 0.5 * (banded - true)[..., inner].abs().mean()


def test_texture_and_edges_stay():
    generator = torch.Generator().manual_seed(0)
    texture = codes(0.5 + 0.05 * torch.randn(1, 3, 40, 40, generator=generator)) / 255
    assert (deband(texture) - texture).abs().mean() < 0.02 / 255
    edge = torch.full((1, 3, 20, 40), 0.2)
    edge[..., 20:] = 0.8
    assert (deband(edge) - edge).abs().max() < 0.06 / 255


def test_bands_leave_no_seam(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    ramp = torch.linspace(0.2, 0.3, 299)[:, None].expand(299, 81)
    sdr = ((255 * (ramp + 0.002 * torch.randn(3, 299, 81, generator=generator))).round() / 255)[None]
    whole = deband_reference(sdr)
    monkeypatch.setattr(debanding, "_BAND_PIXELS", 1)
    torch.testing.assert_close(deband_reference(sdr), whole, atol=1e-6, rtol=0)
