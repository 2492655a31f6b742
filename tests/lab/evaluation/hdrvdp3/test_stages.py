"""Every stage against HDR-VDP 3.0.7 run in Octave: p02_crop_stages.npz holds its float64 values for one 64x96 crop
(noise in PQ, 60 pixels per degree, led-lcd-wcg), made with the unmodified release (BSD 3-Clause)."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lumaflux.lab.evaluation.hdrvdp3.adaptation import adapting_luminance, gaussian, pupil_gain
from lumaflux.lab.evaluation.hdrvdp3.cosine import cosine_frequencies, filter_mirrored
from lumaflux.lab.evaluation.hdrvdp3.imresize import imresize, resampling_matrix
from lumaflux.lab.evaluation.hdrvdp3.optics import cones_and_rods, mtf, mtf_of_picture, native_light, retinal_light
from lumaflux.lab.evaluation.hdrvdp3.photoreceptors import joint_sensitivity, photoreceptor_response, rod_sensitivity
from lumaflux.lab.evaluation.hdrvdp3.pyramid import correlate, decompose, pyramid_height
from lumaflux.lab.evaluation.hdrvdp3.score import band_errors
from lumaflux.lab.evaluation.hdrvdp3.sensitivity import (
    csf_map,
    dominant_frequency,
    mutual_masker,
    neighbouring_masker,
    neural_csf,
    visible_difference,
)

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
        out[letter] = cones_and_rods(retinal_light(native, mtf_of_picture(nits.shape[1:], PPD, nits)), DISPLAY)
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
    matrix = resampling_matrix(source, target, like).to_dense()
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(target, dtype=torch.float64))
    ramp = matrix @ torch.arange(source, dtype=torch.float64)
    step = source / target
    inside = slice(4, -4)  # the mirrored borders bend a ramp
    expected = (torch.arange(target, dtype=torch.float64) + 0.5) * step - 0.5
    torch.testing.assert_close(ramp[inside], expected[inside], rtol=0, atol=1e-2 * step)


def filter_by_fft(canvas, transfer):
    rows, columns = (torch.fft.fftfreq(n, dtype=torch.float64) for n in canvas.shape)
    spectrum = torch.fft.fft2(canvas) * transfer(rows[:, None], columns)
    return torch.fft.ifft2(spectrum).real[: canvas.shape[0] // 2, : canvas.shape[1] // 2]


@pytest.mark.parametrize("shape", [(16, 24), (17, 24), (16, 25), (13, 31), (1, 2)])
def test_cosine_filter_is_the_fft_of_the_mirrored_canvas(shape):
    plane = torch.rand(shape, dtype=torch.float64)
    mirrored = torch.cat((plane, plane.flip(1)), dim=1)
    mirrored = torch.cat((mirrored, mirrored.flip(0)), dim=0)

    def transfer(rows, columns):
        return torch.exp(-7 * torch.hypot(rows, columns))

    expected = filter_by_fft(mirrored, transfer)
    actual = filter_mirrored(plane, transfer(*cosine_frequencies(shape, plane)))
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-14)


def test_gaussian_is_the_fft_of_the_canvas_padded_after_the_picture():
    plane = torch.rand(17, 24, dtype=torch.float64)
    rows, columns = (torch.arange(2 * n).clamp(max=n - 1) for n in plane.shape)
    expected = filter_by_fft(
        plane[rows][:, columns], lambda y, x: torch.exp(-2 * (torch.pi * 5.0) ** 2 * (y**2 + x**2))
    )
    torch.testing.assert_close(gaussian(plane, 5.0), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(13, 13), (14, 19), (15, 16), (24, 33)])
@pytest.mark.parametrize(("taps", "stride"), [(7, 1), (9, 1), (13, 1), (9, 2), (13, 2)])
def test_correlation_in_blocks_is_the_plain_one(shape, taps, stride):
    planes, kernel = torch.rand(2, *shape, dtype=torch.float64), torch.rand(taps, taps, dtype=torch.float64)
    padded = F.pad(planes[:, None], (taps // 2,) * 4, mode="reflect")
    expected = F.conv2d(padded, kernel[None, None], stride=stride)[:, 0]
    torch.testing.assert_close(correlate(planes, kernel, stride), expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("sigma", [2.0, 4.2, 4.4])
def test_gaussian_is_normalised_and_as_wide_as_told(sigma):
    assert torch.allclose(gaussian(torch.full((9, 14), 3.0, dtype=torch.float64), sigma), torch.tensor(3.0).double())
    impulse = torch.zeros(101, 121, dtype=torch.float64)
    impulse[50, 60] = 1
    spread = gaussian(impulse, sigma)
    variance = (spread.sum(dim=1) * (torch.arange(101) - 50.0) ** 2).sum()
    assert variance.sqrt().item() == pytest.approx(sigma, rel=0.02)  # the short kernel ends at 3 sigma
