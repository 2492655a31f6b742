"""The tone field: a monotone rational-quadratic spline on luma after the VAE (paper section 3.5).

Spline: Durkan et al., Neural Spline Flows, 2019, eq. 4. Signals are PQ, Y'CbCr is BT.2020 non-constant luminance.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.ycbcr import rgb_to_ycbcr, ycbcr_to_rgb
from lumaflux.model.config import LumaFluxConfig, Spline
from lumaflux.model.precision import full_precision
from lumaflux.model.zero_init import zero_init
from lumaflux.ops import spline_pq

PEAK_NITS = 1000.0
PEAK_PQ = float(pq.inverse_eotf(torch.tensor(PEAK_NITS, dtype=torch.float64)))  # 0.751827
MINIMUM = 1e-3  # of a bin's width and height, and of a knot's derivative


@dataclass(frozen=True, kw_only=True)
class Knots:
    """K+1 knots of monotone curves on the unit square: ``x``, ``y`` and ``derivatives`` are [B,K+1]."""

    x: Tensor
    y: Tensor
    derivatives: Tensor


def knots_from_logits(logits: Tensor, bins: int) -> Knots:
    """Raw [B,3K+1] (widths, heights, derivatives) -> knots from (0,0) to (1,1)."""
    widths, heights, derivatives = logits.float().split([bins, bins, bins + 1], dim=-1)
    return Knots(
        x=_cumulative(widths, bins),
        y=_cumulative(heights, bins),
        derivatives=MINIMUM + F.softplus(derivatives),
    )


def _cumulative(logits: Tensor, bins: int) -> Tensor:
    sizes = MINIMUM + (1 - MINIMUM * bins) * logits.softmax(-1)
    inner = sizes[..., :-1].cumsum(-1)
    return torch.cat([torch.zeros_like(sizes[..., :1]), inner, torch.ones_like(sizes[..., :1])], dim=-1)


def _bin(inner: Tensor, flat: Tensor) -> Tensor:
    """The bin of each of flat [B,N] between the inner knots [B,K-1]."""
    if not torch.compiler.is_exporting():
        return torch.searchsorted(inner, flat, right=True)
    return torch.stack([(flat >= knot.unsqueeze(-1)).long() for knot in inner.unbind(-1)]).sum(0)  # ONNX: no search


def apply_spline(y: Tensor, knots: Knots, kind: Spline = "monotone") -> Tensor:
    """Maps y [B,...] in [0,1] through each batch element's curve; ``linear`` joins the knots by straight lines."""
    flat = y.flatten(1)
    k = _bin(knots.x[:, 1:-1].contiguous(), flat.detach())

    def at(values: Tensor, index: Tensor) -> Tensor:
        return values.gather(1, index)

    x0, x1 = at(knots.x, k), at(knots.x, k + 1)
    y0, y1 = at(knots.y, k), at(knots.y, k + 1)
    width, height = x1 - x0, y1 - y0
    theta = (flat - x0) / width
    if kind == "linear":
        return (y0 + height * theta).view_as(y)
    slope = height / width
    d0, d1 = at(knots.derivatives, k), at(knots.derivatives, k + 1)
    cross = theta * (1 - theta)
    rise = height * (slope * theta * theta + d0 * cross)
    return (y0 + rise / (slope + (d0 + d1 - 2 * slope) * cross)).view_as(y)


class ToneField(nn.Module):
    """One curve per frame from the final latent, and a 1x1 chroma matrix. Always float32."""

    def __init__(self, config: LumaFluxConfig):
        super().__init__()
        self.bins = config.bins
        self.kind: Spline = config.variant.spline
        hidden = config.tone_channels
        logits = zero_init(nn.Linear(hidden, 3 * config.bins + 1))
        self.head = nn.Sequential(
            nn.Linear(config.latent_channels, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            logits,
        )
        self.chroma = nn.Conv2d(2, 2, 1)
        with torch.no_grad():
            logits.bias[2 * config.bins :] = math.log(math.expm1(1 - MINIMUM))
            self.chroma.load_state_dict({"weight": torch.eye(2).view(2, 2, 1, 1), "bias": torch.zeros(2)})

    @full_precision
    def knots(self, latents: Tensor) -> Knots:
        """Final latent [B,c,h,w] -> knots."""
        return knots_from_logits(self.head(latents.float().mean(dim=(2, 3))), self.bins)

    def fixed_knots(self, count: int) -> Knots | None:
        """The knots of any ``count`` latents, bit for bit, while the last layer multiplies them by zero; None else."""
        logits = self.head[-1]
        assert isinstance(logits, nn.Linear)
        return None if logits.weight.any() else knots_from_logits(logits.bias.expand(count, -1), self.bins)

    @full_precision
    def forward(self, vae_pq: Tensor, knots: Knots) -> Tensor:
        """PQ/BT.2020 R'G'B' [B,3,H,W] in [0,1] -> the same, expanded, in [0, PQ(1000 nit)]."""
        assert self.chroma.bias is not None
        parts = (vae_pq, knots.x, knots.y, knots.derivatives, self.chroma.weight, self.chroma.bias)
        exported = torch.compiler.is_exporting() and torch.onnx.is_in_onnx_export()
        if self.kind != "monotone" or exported:
            return tone_expression(*parts, PEAK_PQ, self.kind)
        return spline_pq.spline_pq(*parts, PEAK_PQ)


def tone_expression(
    vae_pq: Tensor,
    x: Tensor,
    y: Tensor,
    derivatives: Tensor,
    weight: Tensor,
    bias: Tensor,
    peak_pq: float,
    kind: Spline = "monotone",
) -> Tensor:
    """The tone field of given knots and chroma matrix, as lumaflux.ops.spline_pq has its arguments."""
    ycc = rgb_to_ycbcr(vae_pq.clamp(0.0, peak_pq), BT2020_LUMA)
    luma = peak_pq * apply_spline(ycc[:, :1] / peak_pq, Knots(x=x, y=y, derivatives=derivatives), kind)
    chroma = F.conv2d(ycc[:, 1:], weight, bias)
    return ycbcr_to_rgb(torch.cat([luma, chroma], dim=1), BT2020_LUMA).clamp(0.0, peak_pq)


spline_pq.register(tone_expression)
