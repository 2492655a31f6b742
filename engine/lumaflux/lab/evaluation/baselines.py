"""The converters that any model must beat: static placement and the inverses of known renderings, by name.

``none`` converts nothing: the picture as its 100 cd/m2 reference display shows it (BT.2035).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from lumaflux.color import pq
from lumaflux.color.operators import INVERSES
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.media.stills.folder import picture_pairs

Baseline = Callable[[np.ndarray], np.ndarray]  # SDR [3,H,W] in [0,1] -> PQ/BT.2020 [3,H,W]

_PEAK_NITS = 1000.0
_SDR_WHITE_NITS = 100.0
_CLIPPED = 250 / 255  # of the largest channel
_DOME_PIXELS = 32
# Least squares over the tone predictor's training pairs (decision 0015): stops at the pivot, and stops a stop.
_LINES = {"graded": (0.070, -0.113), "camera": (0.575, -0.012)}
_PIVOT = -2.5  # stops below white
_INVERTED = ("bt2446a", "bt2446c", "reinhard", "bt2390", "aces-1.3", "aces-2.0")


def _inverse(name: str, sdr: np.ndarray) -> np.ndarray:
    return pq.inverse_eotf(INVERSES[name](sdr).clip(0, _PEAK_NITS)).astype(np.float32)


def static_line(kind: str, sdr: np.ndarray) -> np.ndarray:
    """Static placement times a gain in stops that is a line in the SDR's own log-average: what exposure alone knows."""
    import torch

    from lumaflux.model.tone_cues import log_average

    offset, slope = _LINES[kind]
    stops = offset + slope * (float(log_average(torch.as_tensor(sdr)[None])) - _PIVOT)
    nits = pq.eotf(sdr_to_pq(sdr).astype(np.float64)) * 2**stops
    return pq.inverse_eotf(nits.clip(0, _PEAK_NITS)).astype(np.float32)


def dome(sdr: np.ndarray) -> np.ndarray:
    """Static placement, and clipped areas that rise with the distance d in pixels to their edge: times 1 + d."""
    import torch
    import torch.nn.functional as F

    rest = torch.as_tensor((sdr.max(axis=0) >= _CLIPPED).astype(np.float32))[None, None]
    distance = torch.zeros_like(rest)
    for _ in range(_DOME_PIXELS):
        if not rest.any():
            break
        distance += rest
        rest = -F.max_pool2d(-F.pad(rest, (1, 1, 1, 1), value=1.0), 3, 1)
    nits = pq.eotf(sdr_to_pq(sdr).astype(np.float64)) * (1 + distance[0].numpy())
    return pq.inverse_eotf(nits.clip(0, _PEAK_NITS)).astype(np.float32)


BASELINES: dict[str, Baseline] = {
    "none": lambda sdr: sdr_to_pq(sdr, _SDR_WHITE_NITS).astype(np.float32),
    "static-203": lambda sdr: sdr_to_pq(sdr).astype(np.float32),
    **{f"static-line-{kind}": partial(static_line, kind) for kind in _LINES},
    "dome": dome,
    **{f"inverse-{name}": partial(_inverse, name) for name in _INVERTED},
}

# The rendering that a baseline undoes: on it the baseline has been told the answer. Static placement undoes the hard
# clip (lumaflux.color.operators).
TOLD: dict[str, str] = {"static-203": "hard-clip", **{f"inverse-{name}": name for name in _INVERTED}}


def baseline_named(name: str) -> Baseline:
    """Raises UserError for an unknown name."""
    if name not in BASELINES:
        raise UserError(f"unknown baseline '{name}'; choose one of {', '.join(BASELINES)}")
    return BASELINES[name]


def write_predictions(name: str, source: Path, target: Path, *, overwrite: bool = False) -> int:
    """Converts every SDR picture of ``source`` into a 16-bit PQ PNG of the same stem in ``target``; their number.

    sRGB-tagged pictures are read as the command reads them. Raises UserError as ``convert`` does.
    """
    from lumaflux.color.srgb import srgb_to_bt1886
    from lumaflux.media.stills.picture import read_still, write_still

    make = baseline_named(name)
    pairs = picture_pairs(source, target)
    for picture, written in pairs.items():
        still = read_still(picture)
        sdr = srgb_to_bt1886(still.sdr) if still.transfer == "srgb" else still.sdr
        write_still(written, make(sdr), overwrite=overwrite, source=picture)
    return len(pairs)
