"""How much each pixel of a result can be believed, and how invention is held back where a mask forbids it.

A pixel's light is the source's own through the frame's monotone curve (measured), the same but brighter than an SDR
picture can show (extended), or what the model put where the source is clipped (invented). The three shares sum to 1.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.inference.active_area import Area
from lumaflux.inference.detail import OFFSET_NITS, clipping

NAMES = ("measured", "extended", "invented")  # of the three channels, in this order
_ROUNDING = 1.001  # of reference white: light at it is not beyond it
_NOTHING = 1e-5  # stops: a float of the result does not show less


def shares(invented: Tensor, hdr_pq: Tensor, reference_white: float) -> Tensor:
    """Invented share [B,1,H,W] in [0,1] and the result [B,3,H,W], PQ/BT.2020 -> [B,3,H,W] by ``NAMES``; sums are 1.

    What is not invented is extended where its largest channel is above ``reference_white``, cd/m2, which code 255 of
    an SDR picture stands for.
    """
    limit = pq.inverse_eotf(torch.tensor(reference_white * _ROUNDING, dtype=hdr_pq.dtype, device=hdr_pq.device))
    beyond = (hdr_pq.amax(dim=1, keepdim=True) > limit).to(invented.dtype)
    own = 1 - invented
    return torch.cat([own * (1 - beyond), own * beyond, invented], dim=1)


def invented_highlights(sdr: Tensor, stops: Tensor, recovery: float) -> Tensor:
    """How much of the light of source pixels [B,3,H,W] is generated: [B,1,H,W] in [0,1].

    ``stops`` [B,3,h,w], of any size, are what the model adds to clipped pixels as far as ``recovery`` says; where it
    adds less than a result can show, nothing is invented.
    """
    share = recovery * clipping(sdr)
    return share * (share * _enlarged(stops, sdr).abs().amax(dim=1, keepdim=True) > _NOTHING)


def added_stops(sdr: Tensor, stops: Tensor, recovery: float, mask: Tensor | None = None) -> Tensor:
    """The same in stops [B,1,H,W], as the frame has them; ``stops`` are the same for all channels."""
    added = recovery * clipping(sdr) * _enlarged(stops[:, :1], sdr)
    return added if mask is None else mask * added


def _enlarged(stops: Tensor, sdr: Tensor) -> Tensor:
    return F.interpolate(stops, sdr.shape[-2:], mode="bilinear", align_corners=False)


def permitted(lit_pq: Tensor, curve_pq: Tensor, mask: Tensor) -> Tensor:
    """PQ pictures [B,3,H,W] with and without invention -> the first as far as ``mask`` [1,1,H,W] in [0,1] permits it.

    0 gives the second, bit by bit, 1 the first; between them the light is their weighted mean in stops.
    """
    ratio = (pq.eotf(lit_pq) + OFFSET_NITS) / (pq.eotf(curve_pq) + OFFSET_NITS)
    nits = (pq.eotf(curve_pq) + OFFSET_NITS) * ratio**mask - OFFSET_NITS
    between = pq.inverse_eotf(nits.clamp(0, pq.PQ_PEAK_NITS))
    return torch.where(mask == 0, curve_pq, torch.where(mask == 1, lit_pq, between))


def mask_for(mask: object, frame: Tensor) -> Tensor:
    """A user's mask [H,W] in [0,1] for a batch [B,3,H,W]: [1,1,H,W]. UserError for another size, or no numbers."""
    found = torch.as_tensor(mask).to(frame)
    if found.shape != frame.shape[-2:]:
        size, wanted = ("x".join(str(side) for side in reversed(x.shape[-2:])) for x in (found, frame))
        raise UserError(f"the mask is {size}, the frame {wanted} pixels; paint it at the frame's size")
    if not torch.isfinite(found).all():
        raise UserError("the mask holds NaN or infinite values; paint it from 0 (never) to 1")
    return found.clamp(0, 1)[None, None]


def in_whole(active: Tensor, area: Area, height: int, width: int) -> Tensor:
    """Shares [B,1,h,w] of the active area in their frame; nothing is invented in bars."""
    if active.shape[-2:] == (height, width):
        return active
    whole = active.new_zeros(*active.shape[:2], height, width)
    whole[:, :, *area.box(height, width)] = active
    return whole
