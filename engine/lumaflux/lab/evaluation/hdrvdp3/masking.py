"""Contrast masking: the difference of two bands, in units of its visibility (Mantiuk et al. 2011)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.lab.evaluation.hdrvdp3.constants import MASK_NEIGHBOURS, MASK_P, MASK_Q, MASK_SELF
from lumaflux.lab.evaluation.hdrvdp3.imresize import imresize


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
