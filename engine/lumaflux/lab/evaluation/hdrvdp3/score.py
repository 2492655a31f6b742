"""HDR-VDP-3's quality correlate Q and its JOD scale, for still pictures in linear light."""

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from lumaflux.lab.evaluation.hdrvdp3.adaptation import adapting_luminance, pupil_gain
from lumaflux.lab.evaluation.hdrvdp3.constants import JOD_EXPONENT, JOD_SLOPE, POOLING_EXPONENT, VISIBLE_RATIO
from lumaflux.lab.evaluation.hdrvdp3.imresize import imresize
from lumaflux.lab.evaluation.hdrvdp3.optics import cones_and_rods, mtf_of_picture, native_light, retinal_light
from lumaflux.lab.evaluation.hdrvdp3.photoreceptors import photoreceptor_response
from lumaflux.lab.evaluation.hdrvdp3.pyramid import MIN_SIDE, decompose, pyramid_height
from lumaflux.lab.evaluation.hdrvdp3.sensitivity import (
    csf_map,
    dominant_frequency,
    mutual_masker,
    neighbouring_masker,
    neural_csf,
    visible_difference,
)
from lumaflux.lab.evaluation.metrics.frames import in_strips


@dataclass(frozen=True, kw_only=True)
class HdrVdp3:
    """``q`` is 10 for equal pictures and falls with the visible difference; ``q_jod`` is Q in just objectionable
    differences below 10."""

    q: float
    q_jod: float


def hdrvdp3(
    test_nits: Tensor, reference_nits: Tensor, *, pixels_per_degree: float = 50.0, display: str = "led-lcd-wcg"
) -> HdrVdp3:
    """Quality of ``test_nits`` against ``reference_nits``, both [3,H,W] linear BT.2020 in cd/m2, float32 or float64.

    HDR-VDP-3, release 3.0.7, tasks 'quality' and 'side-by-side' (one score), observer of age 24, HDR-VDP's own optics,
    no surround. ``pixels_per_degree`` is above 4; ``display`` is "led-lcd-wcg", "oled" or "led-lcd-srgb". Float64
    agrees with the release to 1e-6 in Q, float32 to 1e-5. Raises ValueError for pictures that differ in shape or
    dtype, are under 13 pixels, or hold NaN or infinite values.
    """
    _check(test_nits, reference_nits, pixels_per_degree)
    shape = test_nits.shape[1:]

    def visibly_differs(test: Tensor, reference: Tensor) -> Tensor:
        test, reference = native_light(test, display), native_light(reference, display)
        return ((test - reference).abs_().div_(reference).amax(dim=0) > VISIBLE_RATIO).to(test.dtype)

    differs = in_strips(visibly_differs, test_nits, reference_nits)
    transfer = mtf_of_picture(shape, pixels_per_degree, test_nits)
    responses = test_nits.new_empty(2, *shape)
    adapting = test_nits.new_zeros(shape)
    for response, nits in zip(responses, (test_nits, reference_nits), strict=True):
        light = cones_and_rods(retinal_light(native_light(nits, display), transfer), display)
        adapted_to = adapting_luminance(light, pixels_per_degree)
        gain = pupil_gain(adapted_to, pixels_per_degree)
        response.copy_(in_strips(partial(photoreceptor_response, gain=gain), light))
        adapting.add_(adapted_to, alpha=0.5)
        del light, adapted_to
    bands = decompose(responses, pyramid_height(shape, pixels_per_degree))
    del responses, transfer
    errors = band_errors(bands, adapting.log10_(), differs, pixels_per_degree)
    q = 6 - math.log(math.exp(-4) + sum(errors) / len(errors))
    return HdrVdp3(q=q, q_jod=10 - JOD_SLOPE * max(10 - q, 0.0) ** JOD_EXPONENT)


def band_errors(bands: list[Tensor], log10_adapting: Tensor, differs: Tensor, pixels_per_degree: float) -> list[float]:
    """Pooled visible difference of each band [2,h,w] of test and reference, where ``differs`` [H,W] is one."""
    maskers = [mutual_masker(band) for band in bands]
    base = len(bands) - 1
    errors = []
    for k, band in enumerate(bands):
        difference = band[0] - band[1]
        if k < base:
            frequency = pixels_per_degree / 2 ** (k + 1)
            sensitivity = in_strips(partial(csf_map, frequency), imresize(log10_adapting, difference.shape))
        else:
            frequency = dominant_frequency(difference, pixels_per_degree / 2 ** (base - 1))
            nits = 10 ** log10_adapting.mean(dtype=torch.float64).item()
            sensitivity = difference.new_tensor(neural_csf(frequency, nits))
        visible = visible_difference(difference, sensitivity, maskers[k], neighbouring_masker(maskers, k))
        errors.append(_pool(visible * imresize(differs, difference.shape)))
    return errors


def _pool(visible: Tensor) -> float:
    mean = visible.abs().pow_(POOLING_EXPONENT).mean(dtype=torch.float64)
    return mean.item() ** (1 / POOLING_EXPONENT)


def _check(test: Tensor, reference: Tensor, pixels_per_degree: float) -> None:
    if test.shape != reference.shape or test.dtype != reference.dtype:
        raise ValueError(
            f"HDR-VDP-3 compares pictures of one shape and dtype, got {tuple(test.shape)} {test.dtype} and "
            f"{tuple(reference.shape)} {reference.dtype}"
        )
    if test.ndim != 3 or test.shape[0] != 3 or min(test.shape[1:]) < MIN_SIDE:
        raise ValueError(f"HDR-VDP-3 needs [3,H,W] of at least {MIN_SIDE} pixels a side, got {tuple(test.shape)}")
    if test.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"HDR-VDP-3 computes in float32 or float64, got {test.dtype}")
    if not 4 < pixels_per_degree < math.inf:
        raise ValueError(f"HDR-VDP-3 needs more than 4 pixels per degree, got {pixels_per_degree}")
    for name, nits in (("test", test), ("reference", reference)):
        if not torch.isfinite(nits).all():
            raise ValueError(f"the {name} picture holds NaN or infinite values")
