"""The measures of a conversion's laws give the known answers of pictures made for them."""

import numpy as np
import pytest

from lumaflux.color import ictcp, pq
from lumaflux.lab.evaluation import measures, signals


def grey(signal: np.ndarray) -> np.ndarray:
    return np.broadcast_to(signal, (3, *signal.shape[-2:])).astype(np.float32)


@pytest.mark.parametrize(
    "make", [signals.neutral_ramp, signals.sky_ramp, signals.steps, signals.text, signals.clipped_sun]
)
def test_signals_are_8_bit_pictures(make):
    picture = make()
    assert picture.shape[0] == 3
    assert picture.dtype == np.float32
    np.testing.assert_allclose(255 * picture, np.rint(255 * picture), atol=1e-4)
    assert 0 <= picture.min() < picture.max() <= 1


def test_chroma_of_grey_and_of_a_tint():
    ramp = grey(np.linspace(0.1, 0.7, 64)[None].repeat(4, 0))
    assert measures.chroma(ramp).max() < 0.02
    tinted = ramp.copy()
    tinted[0] += 0.01
    nits = pq.eotf(tinted.astype(np.float64))
    _, ct, cp = ictcp.rgb_to_ictcp(nits)
    np.testing.assert_allclose(measures.chroma(tinted), 720 * np.sqrt((ct / 2) ** 2 + cp**2))
    assert measures.chroma(tinted).min() > 1


def test_fall_of_a_ramp_with_a_dip():
    row = np.linspace(0.2, 0.6, 100)
    assert measures.largest_fall(grey(row[None].repeat(4, 0))) == 0
    row[50] -= 0.05
    assert measures.largest_fall(grey(row[None].repeat(4, 0))) == pytest.approx(0.05 - 0.4 / 99, abs=1e-4)


def test_step_of_intensity_is_720_times_its_pq():
    row = np.full(100, 0.4)
    row[50:] = 0.41
    assert measures.largest_step(grey(row[None].repeat(4, 0))) == pytest.approx(7.2, rel=0.01)


def test_halo_beside_an_edge():
    sdr = signals.steps(levels=3, width=40, height=8)
    flat = 0.7 * sdr
    assert measures.halo(flat, sdr) == 0
    ringing = flat.copy()
    ringing[:, :, 41] += 0.01
    assert measures.halo(ringing, sdr) == pytest.approx(7.2, rel=0.02)


def test_detail_energy_scales_with_the_square_and_ignores_what_is_coarse():
    rng = np.random.default_rng(0)
    stops = 5 + 0.1 * rng.normal(size=(96, 96))
    sdr = np.full((3, 96, 96), 0.5, np.float32)

    def of(picture: np.ndarray) -> float:
        return measures.detail_energy(grey(pq.inverse_eotf(np.exp2(picture) - 0.5)), sdr)

    assert of(5 + 2 * (stops - 5)) == pytest.approx(4 * of(stops), rel=0.01)
    coarse = 5 + np.sin(np.arange(96) / 8)[None].repeat(96, 0)
    assert of(coarse) < 1e-3 * of(stops)
    with pytest.raises(ValueError, match="free of clipping"):
        measures.detail_energy(grey(stops / 10), np.ones((3, 96, 96), np.float32))
