"""Losses on pictures and latents."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import ictcp, pq
from lumaflux.color.primaries import luminance
from lumaflux.model.lumaflux import Decoded

_PEAK_NITS = 1000.0


def gradient_l1(output: Tensor, target: Tensor) -> Tensor:
    """L1 between horizontal and vertical differences of [B,C,H,W] pictures: edges count beyond their area."""
    error = output - target
    return (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()


def multiscale_l1(output: Tensor, target: Tensor, levels: int = 3) -> Tensor:
    """Mean of L1 over dyadic averages of [B,C,H,W]: low frequencies, where tone lives, count as much as detail."""
    error = output - target
    total = error.abs().mean()
    for _ in range(levels):
        error = F.avg_pool2d(error, 2)
        total = total + error.abs().mean()
    return total / (levels + 1)


def linear_l1(output_pq: Tensor, target_pq: Tensor) -> Tensor:
    """L1 on linear light divided by 1000 nit, of R, G, B and of luminance (paper section 3.6)."""
    output, target = pq.eotf(output_pq) / _PEAK_NITS, pq.eotf(target_pq) / _PEAK_NITS
    return (output - target).abs().mean() + (luminance(output) - luminance(target)).abs().mean()


def itp_distance(output_pq: Tensor, target_pq: Tensor) -> Tensor:
    """Mean distance in ITP, Delta-E-ITP / 720, with a finite gradient at equality."""
    difference = ictcp.rgb_to_ictcp(pq.eotf(output_pq)) - ictcp.rgb_to_ictcp(pq.eotf(target_pq))
    i, t, p = difference.square().unbind(1)  # written out: constants made on the host would be waited for
    return (i + 0.25 * t + p + 1e-6).sqrt().mean()


def knot_smoothness(decoded: Decoded) -> Tensor:
    """Mean squared second difference of the curve's slopes between bins."""
    slope = decoded.knots.y.diff(dim=-1) / decoded.knots.x.diff(dim=-1)
    return slope.log().diff(dim=-1).square().mean()


def sigmoid_contrastive(first: Tensor, second: Tensor, log_scale: Tensor, bias: Tensor) -> Tensor:
    """Sigmoid loss between two sets of unit vectors [B,d], pair i with i (Zhai et al. 2023, eq. 1)."""
    logits = log_scale.exp() * first @ second.T + bias
    signs = 2 * torch.eye(len(first), device=first.device, dtype=first.dtype) - 1
    return -F.logsigmoid(signs * logits).sum() / len(first)
