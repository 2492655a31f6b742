"""From the display to the retina: native primaries, glare of the eye's optics, cones and rods."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lumaflux.lab.evaluation.hdrvdp3.constants import (
    MAX_LIGHT,
    MIN_CONE,
    MIN_NATIVE,
    MIN_RETINAL,
    MTF_A,
    MTF_B,
    display_matrices,
)
from lumaflux.lab.evaluation.hdrvdp3.cosine import cosine_frequencies, filter_mirrored
from lumaflux.lab.evaluation.metrics.frames import in_strips


def mtf(cycles_per_degree: np.ndarray | float) -> np.ndarray | float:
    """Optical modulation transfer, 1 at zero frequency (Mantiuk et al. 2011)."""
    return sum(a * np.exp(-b * cycles_per_degree) for a, b in zip(MTF_A, MTF_B, strict=True))


def mtf_of_picture(shape: Sequence[int], pixels_per_degree: float, like: Tensor) -> Tensor:
    """``mtf`` at the cosine frequencies of an [H,W] picture: [H,W] of ``like``'s dtype and device."""
    rho = torch.hypot(*cosine_frequencies(shape, like)).mul_(pixels_per_degree)
    transfer = torch.zeros_like(rho)
    for a, b in zip(MTF_A, MTF_B, strict=True):
        transfer += torch.mul(rho, -b).exp_().mul_(a)
    return transfer


def native_light(nits: Tensor, display: str) -> Tensor:
    """Linear BT.2020 [3,H,W] in cd/m2 as the display's own primaries [3,H,W]."""
    matrix = torch.from_numpy(display_matrices(display)[0]).to(nits)
    return (matrix @ nits.flatten(1)).view_as(nits).clamp_(min=MIN_NATIVE)


def retinal_light(native: Tensor, transfer: Tensor) -> Tensor:
    """The image on the retina: ``native`` [3,H,W] blurred, in place, by the eye's optics."""
    for channel in native:
        channel.copy_(filter_mirrored(channel, transfer))
    return native.clamp_(MIN_RETINAL, MAX_LIGHT)


def cones_and_rods(retina: Tensor, display: str) -> Tensor:
    """Light seen by L cones, M cones and rods, [3,H,W]."""
    matrix = torch.from_numpy(display_matrices(display)[1]).to(retina)

    def seen(strip: Tensor) -> Tensor:
        return (matrix @ strip.flatten(1)).view_as(strip).clamp_(MIN_CONE, MAX_LIGHT)

    return in_strips(seen, retina)
