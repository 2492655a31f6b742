"""Where the squared error of a prediction comes from: exposure, tone curve, color, or what is left, local light.

Corrections are fitted with the reference in hand, one after the other: a gain, a monotone curve of luminance, a 3x3
matrix of the PQ signal. A part is the share of the squared error in PQ that its correction takes away.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.lab.evaluation.metrics.exposure import aligned
from lumaflux.lab.evaluation.metrics.frames import check_pair

_LEVELS = 64  # of the curve
_FLOOR = 1e-4  # cd/m2
OPTIONS = {
    "order": "exposure, curve, color, local",
    "curve": f"{_LEVELS} levels of luminance, monotone",
    "of": "MSE, PQ",
}


@dataclass(frozen=True, kw_only=True)
class ErrorSplit:
    """Shares [B] of the squared error; they sum to 1, and are NaN where there is none."""

    exposure: Tensor
    curve: Tensor
    color: Tensor
    local: Tensor


def error_split(test_pq: Tensor, reference_pq: Tensor) -> ErrorSplit:
    """PQ/BT.2020 pictures [B,3,H,W]."""
    check_pair(test_pq, reference_pq)
    parts = torch.stack([_of_one(t[None], r[None]) for t, r in zip(test_pq, reference_pq, strict=True)])
    return ErrorSplit(exposure=parts[:, 0], curve=parts[:, 1], color=parts[:, 2], local=parts[:, 3])


def _of_one(test_pq: Tensor, reference_pq: Tensor) -> Tensor:
    stages = [test_pq]
    exact = aligned(pq.eotf(test_pq), pq.eotf(reference_pq))
    stages.append(test_pq if exact.isnan().any() else pq.inverse_eotf(exact))
    stages.append(_through_curve(stages[-1], reference_pq))
    stages.append(_through_matrix(stages[-1], reference_pq))
    errors = torch.stack([(stage - reference_pq).square().mean() for stage in stages]).double()
    best = torch.cummin(errors, dim=0).values  # a correction that is fitted otherwise may cost a little
    taken = torch.cat([best[:-1] - best[1:], best[-1:]])
    return torch.where(best[0] > 0, taken / best[0], torch.full_like(taken, torch.nan))


def _through_curve(test_pq: Tensor, reference_pq: Tensor) -> Tensor:
    """The luminance by its best monotone curve, the colors' ratios kept."""
    test, reference = luminance(pq.eotf(test_pq), BT2020_LUMA), luminance(pq.eotf(reference_pq), BT2020_LUMA)
    x, y = (pq.inverse_eotf(light.clamp(min=_FLOOR)).flatten() for light in (test, reference))
    order = x.argsort()
    xs = torch.stack([part.mean() for part in x[order].chunk(_LEVELS)])
    ys = torch.stack([part.mean() for part in y[order].chunk(_LEVELS)])
    ys = torch.cummax(ys, dim=0).values
    place = torch.searchsorted(xs, x).clamp(1, len(xs) - 1)
    low, high = xs[place - 1], xs[place]
    weight = ((x - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
    mapped = pq.eotf(torch.lerp(ys[place - 1], ys[place], weight)).view_as(test)
    nits = pq.eotf(test_pq) * (mapped / test.clamp(min=_FLOOR))
    return pq.inverse_eotf(nits.clamp(0, pq.PQ_PEAK_NITS))


def _through_matrix(test_pq: Tensor, reference_pq: Tensor) -> Tensor:
    signal, wanted = (picture.flatten(2)[0].double() for picture in (test_pq, reference_pq))
    matrix = torch.linalg.lstsq(signal.T, wanted.T).solution.T
    return (matrix @ signal).view_as(test_pq).to(test_pq.dtype).clamp(0, 1)
