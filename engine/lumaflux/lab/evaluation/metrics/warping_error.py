"""Warping error (Lai et al., ECCV 2018): how far each frame is from the one before it, moved along the flow."""

import torch
from torch import Tensor

from lumaflux.color.primaries import BT709_LUMA, BT2020_LUMA, luminance
from lumaflux.inference import motion
from lumaflux.inference.motion import warp

OCCLUSION_SLOPE, OCCLUSION_OFFSET = 0.01, 0.5  # Sundaram, Brox and Keutzer, ECCV 2010
OPTIONS = {
    "domain": "PQ R'G'B' BT.2020, squared distance summed over the channels",
    "flow": "DIS, OpenCV's preset FAST",
    "flow_input": "luma of 8 bits, full size",
    "flow_from": "the SDR source; the reference where there is none",
    "occlusion": f"|f+b|^2 > {OCCLUSION_SLOPE} (|f|^2+|b|^2) + {OCCLUSION_OFFSET}, and what leaves the picture",
    "average": "unoccluded pixels, then pairs of frames",
    "excess": "prediction less reference; below 0 the prediction changes less than the reference does",
}


class WarpingError:
    """Takes a clip frame by frame and keeps one; pictures [1,3,H,W], PQ and the SDR source, in [0,1]."""

    def __init__(self) -> None:
        self._last: tuple[Tensor, Tensor] | None = None
        self._errors: list[tuple[float, float]] = []

    @torch.no_grad()
    def add(self, test_pq: Tensor, reference_pq: Tensor, sdr: Tensor | None = None) -> None:
        luma = luminance(reference_pq, BT2020_LUMA) if sdr is None else luminance(sdr, BT709_LUMA)
        luma, pictures = luma[0, 0], torch.cat((test_pq, reference_pq), dim=1).float()
        last, self._last = self._last, (luma, pictures)
        if last is None:
            return
        last_luma, last_pictures = last
        back, forth = motion.optical_flow(luma, last_luma, "FAST"), motion.optical_flow(last_luma, luma, "FAST")
        moved, inside = warp(torch.cat((last_pictures, forth[None]), dim=1), back)
        seen = inside & ~occluded(back, moved[0, 6:])
        count = int(seen.sum())
        if count:
            distance = (moved[0, :6] - pictures[0]).square_().view(2, 3, *luma.shape).sum(dim=1)
            errors = (distance * seen).sum(dim=(1, 2), dtype=torch.float64) / count
            self._errors.append((errors[0].item(), errors[1].item()))

    def scores(self) -> tuple[float, float, float] | None:
        """The prediction's error, the reference's own, and the first less the second; None for a single frame, or
        where no two frames share a pixel."""
        if not self._errors:
            return None
        test, reference = (sum(column) / len(self._errors) for column in zip(*self._errors, strict=True))
        return test, reference, test - reference


def occluded(back: Tensor, forth: Tensor) -> Tensor:
    """Where a flow and the flow the other way, read where the first one leads, do not cancel: [2,H,W] each."""
    lengths = back.square().sum(dim=0) + forth.square().sum(dim=0)
    return (back + forth).square().sum(dim=0) > OCCLUSION_SLOPE * lengths + OCCLUSION_OFFSET
