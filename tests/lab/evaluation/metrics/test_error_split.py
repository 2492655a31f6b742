"""Errors of one known kind are found to be of that kind; light in clipped areas."""

import pytest
import torch

from lumaflux.color import pq
from lumaflux.lab.evaluation.metrics.clipped_light import clipped_light
from lumaflux.lab.evaluation.metrics.error_split import error_split


@pytest.fixture
def nits():
    generator = torch.Generator().manual_seed(0)
    level = 10 ** (2.5 * torch.rand(1, 1, 24, 32, generator=generator))
    return level * (0.5 + 0.5 * torch.rand(1, 3, 24, 32, generator=generator))


def local(nits):
    rows = torch.linspace(-1, 1, nits.shape[-2]).view(1, 1, -1, 1)
    return nits * torch.exp2(rows)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("exposure", lambda nits: 2 * nits),
        ("curve", lambda nits: nits * (nits.mean(1, keepdim=True) / 30) ** 0.3),
        ("local", local),
    ],
)
def test_the_kind_of_an_error_is_found(kind, changed, nits):
    found = error_split(pq.inverse_eotf(changed(nits)), pq.inverse_eotf(nits))
    shares = {name: float(getattr(found, name)) for name in ("exposure", "curve", "color", "local")}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-6)
    assert max(shares, key=shares.get) == kind
    assert shares[kind] > 0.6


def test_no_error_has_no_kind(nits):
    signal = pq.inverse_eotf(nits)
    assert error_split(signal, signal).exposure.isnan().all()


def test_light_in_clipped_areas():
    sdr = torch.zeros(1, 3, 16, 16)
    sdr[..., :8, :] = 1.0
    reference = torch.full((1, 3, 16, 16), 50.0)
    reference[..., :8, :] = 200 * 2 ** torch.linspace(0, 2, 16)
    exact = clipped_light(reference, reference, sdr)
    assert float(exact.correlation) == pytest.approx(1, abs=1e-6)
    assert float(exact.peak_stops) == pytest.approx(0, abs=1e-6)
    flat = clipped_light(reference.clamp(max=200), reference, sdr)
    assert float(flat.correlation) == 0
    assert float(flat.peak_stops) == pytest.approx(-2, abs=1e-4)
    assert clipped_light(reference, reference, 0 * sdr).correlation.isnan().all()
