"""Light inside clipped areas of the source: whether a prediction knows where it is brighter, and how bright."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.lab.evaluation.metrics.delta_e_itp import CLIPPED_CODE

_LEAST_PIXELS = 32
_LEAST_DEVIATION = 0.1  # stops of the reference: where it is flat, nothing can correlate
_FLOOR_NITS = 0.01
OPTIONS = {
    "clipped": f"largest SDR channel of 8 bits >= {CLIPPED_CODE}",
    "correlation": f"of log2 luminance; none where the reference deviates by less than {_LEAST_DEVIATION} stops",
    "peak": "99.9th percentiles of luminance, prediction over reference, in stops",
}


@dataclass(frozen=True, kw_only=True)
class ClippedLight:
    """Each [B], NaN where too little is clipped."""

    correlation: Tensor
    peak_stops: Tensor


def clipped_light(test_nits: Tensor, reference_nits: Tensor, sdr: Tensor) -> ClippedLight:
    """Light [B,3,H,W] in cd/m2, BT.2020; ``sdr`` the BT.709 source [B,3,H,W] in [0,1]."""
    clipped = torch.round(255 * sdr.amax(dim=1)) >= CLIPPED_CODE
    logs = [luminance(nits, BT2020_LUMA)[:, 0].clamp(min=_FLOOR_NITS).log2() for nits in (test_nits, reference_nits)]
    correlation, peak = [], []
    for test, reference, where in zip(*logs, clipped, strict=True):
        x, y = test[where].double(), reference[where].double()
        if len(y) < _LEAST_PIXELS:
            correlation.append(torch.nan)
            peak.append(torch.nan)
            continue
        correlation.append(_correlation(x, y))
        rank = max(1, round(0.001 * len(y)))
        peak.append(float(x.topk(rank).values[-1] - y.topk(rank).values[-1]))
    return ClippedLight(correlation=torch.tensor(correlation), peak_stops=torch.tensor(peak))


def _correlation(x: Tensor, y: Tensor) -> float:
    if y.std() < _LEAST_DEVIATION:
        return torch.nan
    return float(torch.corrcoef(torch.stack([x, y]))[0, 1]) if x.std() > 1e-6 else 0.0
