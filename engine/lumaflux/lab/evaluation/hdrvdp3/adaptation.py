"""What the eye adapts to: the luminance around each pixel, and the pupil for the whole picture."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.lab.evaluation.hdrvdp3.constants import ADAPTATION_SIGMA, AGE, REFERENCE_AGE

_MIN_FOURIER_SIGMA = 4.3  # pixels; below it the release filters in space, with other borders


def adapting_luminance(light: Tensor, pixels_per_degree: float) -> Tensor:
    """Local geometric mean [H,W] of the luminance L+M of cone light [3,H,W]."""
    log_luminance = (light[0] + light[1]).clamp_(min=1e-6).log_()
    return gaussian(log_luminance, ADAPTATION_SIGMA * pixels_per_degree).exp_()


def gaussian(plane: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of [H,W] with ``sigma`` in pixels."""
    if sigma >= _MIN_FOURIER_SIGMA:
        return _blur_columns(_blur_columns(plane, sigma).T, sigma).T.contiguous()
    radius = round(6 * sigma) // 2
    offsets = torch.arange(-radius, radius + 1, dtype=plane.dtype, device=plane.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    padded = F.pad(plane[None, None], (radius,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))[0, 0]


def _blur_columns(plane: Tensor, sigma: float) -> Tensor:
    # the release repeats the last pixel behind each row up to twice its length and wraps around: both borders see it
    width = plane.shape[1]
    spectrum = torch.fft.rfft(torch.cat((plane, plane[:, -1:].expand(-1, width)), dim=1))
    cycles = torch.fft.rfftfreq(2 * width, dtype=plane.dtype, device=plane.device)
    spectrum *= torch.exp(-2 * (math.pi * sigma * cycles) ** 2)
    return torch.fft.irfft(spectrum, n=2 * width)[:, :width]


def pupil_diameter(nits: float, degrees2: float, age: float) -> float:
    """Millimetres; Stanley and Davies 1995 with the age term of Watson and Yellott 2012."""
    flux = (nits * degrees2 / 846) ** 0.41
    diameter = 7.75 - 5.75 * flux / (flux + 2)
    return diameter + (age - 28.58) * (0.02132 - 0.009562 * diameter)


def pupil_gain(adapting_nits: Tensor, pixels_per_degree: float) -> float:
    """How much more light enters the observer's pupil than that of the reference age."""
    mean = math.exp(adapting_nits.log().mean(dtype=torch.float64).item())
    degrees2 = adapting_nits.numel() / pixels_per_degree**2
    return (pupil_diameter(mean, degrees2, AGE) / pupil_diameter(mean, degrees2, REFERENCE_AGE)) ** 2
