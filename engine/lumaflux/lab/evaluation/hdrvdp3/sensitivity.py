"""What of a band's contrast is seen (Mantiuk et al. 2011): neural sensitivity, by frequency and adapting luminance, and
masking, which gives the difference of two bands in units of its visibility.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.lab.evaluation.hdrvdp3.constants import (
    CSF_TABLE_SIZE,
    MASK_NEIGHBOURS,
    MASK_P,
    MASK_Q,
    MASK_SELF,
    NCSF,
    NCSF_NITS,
)
from lumaflux.lab.evaluation.hdrvdp3.imresize import imresize
from lumaflux.lab.evaluation.hdrvdp3.optics import mtf
from lumaflux.lab.evaluation.hdrvdp3.photoreceptors import look_up, table_nits


def neural_csf(cycles_per_degree: float, nits: np.ndarray | float) -> np.ndarray:
    """Sensitivity behind the optics and the photoreceptors (Mantiuk et al. 2011, eq. 12); 0 at zero frequency."""
    parameters = np.array(NCSF).T
    log_nits = np.log10(nits)
    p2, p3, p4, p5 = (np.interp(log_nits, np.log10(NCSF_NITS), row) for row in parameters)
    rise = 1 - np.exp(-((cycles_per_degree / 7) ** 2))
    return p5 * np.sqrt(rise**p4 / (1 + (p2 * cycles_per_degree) ** p3)) / mtf(cycles_per_degree)


def csf_map(cycles_per_degree: float, log10_adapting: Tensor) -> Tensor:
    """``neural_csf`` at one frequency for a map of log10 adapting cd/m2."""
    table = neural_csf(cycles_per_degree, table_nits(CSF_TABLE_SIZE))
    return look_up(torch.from_numpy(table).to(log10_adapting), log10_adapting)


def dominant_frequency(band: Tensor, pixels_per_degree: float) -> float:
    """Cycles per degree of the strongest component of ``band`` [H,W], sampled at ``pixels_per_degree``."""
    magnitude = torch.fft.rfft2(band).abs()
    row, column = divmod(int(magnitude.argmax()), magnitude.shape[1])
    height, width = band.shape
    cycles = np.hypot(np.fft.fftfreq(height)[row], np.fft.rfftfreq(width)[column])
    return float(cycles * pixels_per_degree)


def mutual_masker(bands: Tensor) -> Tensor:
    """What masks in both pictures' bands [2,H,W]: the smaller magnitude, averaged over 3x3 pixels."""
    smaller = bands.abs().amin(dim=0)
    return F.avg_pool2d(smaller[None], kernel_size=3, stride=1, padding=1)[0]


def neighbouring_masker(maskers: list[Tensor], k: int) -> Tensor:
    """What masks band ``k`` from the bands one finer and one coarser; the base band masks no other."""
    masker = torch.zeros_like(maskers[k])
    for j in (k - 1, k + 1):
        if 0 <= j < len(maskers) - 1:
            masker += imresize(maskers[j], masker.shape).clamp(min=0)
    return masker


def visible_difference(difference: Tensor, sensitivity: Tensor, own: Tensor, neighbours: Tensor) -> Tensor:
    """|D| [H,W]: the band's ``difference`` against its threshold 1/``sensitivity`` and the two maskers."""
    masking = own.pow(MASK_Q).mul_(MASK_SELF).add_(neighbours.pow(MASK_Q), alpha=MASK_NEIGHBOURS)
    threshold = masking.square_().add_(sensitivity.pow(-2 * MASK_P)).sqrt_()
    return difference.abs().pow_(MASK_P).div_(threshold)
