"""Every stage against HDR-VDP 3.0.7 run in Octave: p02_crop_stages.npz holds its float64 values for one 64x96 crop
(noise in PQ, 60 pixels per degree, led-lcd-wcg), made with the unmodified release (BSD 3-Clause)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.evaluation.hdrvdp3.adaptation import adapting_luminance, gaussian, pupil_gain
from engine.evaluation.hdrvdp3.imresize import imresize, resampling_matrix
from engine.evaluation.hdrvdp3.masking import mutual_masker, neighbouring_masker, visible_difference
from engine.evaluation.hdrvdp3.optics import cones_and_rods, mtf, mtf_on_canvas, native_light, retinal_light
from engine.evaluation.hdrvdp3.periodic import filter_on_canvas
from engine.evaluation.hdrvdp3.photoreceptors import joint_sensitivity, photoreceptor_response, rod_sensitivity
from engine.evaluation.hdrvdp3.pyramid import decompose, pyramid_height
from engine.evaluation.hdrvdp3.score import band_errors
from engine.evaluation.hdrvdp3.sensitivity import csf_map, dominant_frequency, neural_csf

PPD, DISPLAY = 60.0, "led-lcd-wcg"


@pytest.fixture(scope="module")
def stages():
    with np.load(Path(__file__).with_name("p02_crop_stages.npz")) as held:
        return {name: torch.from_numpy(values).double() for name, values in held.items()}


@pytest.fixture(scope="module")
def light(stages):
    out = {}
    for letter, name in (("T", "test"), ("R", "reference")):
        nits = stages[name].permute(2, 0, 1).contiguous()
        native = native_light(nits, DISPLAY)
        out[letter] = cones_and_rods(retinal_light(native, mtf_on_canvas(nits.shape[1:], PPD, nits)), DISPLAY)
    return out


def assert_close(actual, expected, tolerance):
    torch.testing.assert_close(torch.as_tensor(actual, dtype=torch.float64), expected, rtol=tolerance, atol=0)


@pytest.mark.parametrize("letter", ["T", "R"])
def test_adaptation_and_response(stages, light, letter):
    adapting = adapting_luminance(light[letter], PPD)
    assert_close(adapting, stages[f"L_adapt_{letter}"], 1e-13)
    response = photoreceptor_response(light[letter], pupil_gain(adapting, PPD))
    assert_close(response, stages[f"P_{letter}"], 1e-13)


def test_photoreceptor_sensitivities(stages):
    # the release reads these off its table of 2048 luminances
    assert_close(joint_sensitivity(stages["cl"].numpy()), stages["s_A"], 1e-5)
    assert_close(rod_sensitivity(stages["cl"].numpy())[:8], stages["s_R"][:8], 1e-3)


def test_contrast_sensitivity(stages):
    assert_close(mtf(stages["mtf_rho"].numpy()), stages["mtf"], 1e-13)
    nits = stages["ncsf_L"].numpy()
    for f, column in zip(stages["ncsf_rho"], stages["ncsf"].T, strict=True):
        assert_close(neural_csf(f.item(), nits), column, 1e-11)


def test_pyramid(stages):
    response = stages["P_T"]
    height = pyramid_height(response.shape, PPD)
    bands = decompose(response[None], height)
    assert height == 3
    for k, band in enumerate(bands):
        torch.testing.assert_close(band[0], stages[f"BT{k}"], rtol=0, atol=5e-12)


def test_sensitivity_maps_and_masked_differences(stages):
    bands = decompose(torch.stack([stages["P_T"], stages["P_R"]]), 3)
    log10_adapting = torch.log10((stages["L_adapt_T"] + stages["L_adapt_R"]) / 2)
    maskers = [mutual_masker(band) for band in bands]
    for k, band in enumerate(bands):
        difference = band[0] - band[1]
        sensitivity = csf_map(PPD / 2 ** (k + 1), imresize(log10_adapting, difference.shape))
        assert_close(sensitivity, stages[f"CSFb{k}"], 1e-12)
        if k == 4:
            frequency = dominant_frequency(difference, PPD / 8)
            assert frequency == 0.9375
            sensitivity = torch.tensor(neural_csf(frequency, 10 ** log10_adapting.mean().item()))
        visible = visible_difference(difference, sensitivity, maskers[k], neighbouring_masker(maskers, k))
        torch.testing.assert_close(visible, stages[f"D{k}"], rtol=1e-9, atol=1e-12)
    errors = band_errors(bands, log10_adapting, torch.ones_like(log10_adapting), PPD)
    assert_close(errors, stages["Qb"], 1e-11)


@pytest.mark.parametrize(("source", "target"), [(135, 68), (68, 135), (40, 20), (20, 40), (1080, 68)])
def test_resampling_keeps_constants_and_ramps(source, target):
    like = torch.zeros(1, dtype=torch.float64)
    matrix = resampling_matrix(source, target, like)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(target, dtype=torch.float64))
    ramp = matrix @ torch.arange(source, dtype=torch.float64)
    step = source / target
    inside = slice(4, -4)  # the mirrored borders bend a ramp
    expected = (torch.arange(target, dtype=torch.float64) + 0.5) * step - 0.5
    torch.testing.assert_close(ramp[inside], expected[inside], rtol=0, atol=1e-2 * step)


def test_canvas_pads_after_the_picture_only():
    plane = torch.rand(6, 8, dtype=torch.float64)
    rows = torch.fft.fftfreq(12, dtype=torch.float64)[:, None].expand(12, 9)
    # a shift down by one row brings the canvas' last row, the picture's last (edge) or first (symmetric), to the top
    shift = torch.exp(-2j * torch.pi * rows)
    assert torch.allclose(filter_on_canvas(plane, shift, "edge")[0], plane[-1])
    assert torch.allclose(filter_on_canvas(plane, shift, "symmetric")[0], plane[0])


@pytest.mark.parametrize("sigma", [2.0, 4.2, 4.4])
def test_gaussian_is_normalised_and_as_wide_as_told(sigma):
    assert torch.allclose(gaussian(torch.full((9, 14), 3.0, dtype=torch.float64), sigma), torch.tensor(3.0).double())
    impulse = torch.zeros(101, 121, dtype=torch.float64)
    impulse[50, 60] = 1
    spread = gaussian(impulse, sigma)
    variance = (spread.sum(dim=1) * (torch.arange(101) - 50.0) ** 2).sum()
    assert variance.sqrt().item() == pytest.approx(sigma, rel=0.02)  # the short kernel ends at 3 sigma
