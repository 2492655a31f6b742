"""How certain the head of the kind of source may be: its temperature, found on pictures that its training never saw.

The head learns beside the tone with dropout, and is right more often than it says. Temperature scaling (Guo et al.,
"On Calibration of Modern Neural Networks", 2017): logits over one number, which maximises the likelihood of the kinds.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color.operators import OPERATORS
from lumaflux.lab.data.mastering import exposed
from lumaflux.lab.data.renderings import render_standard
from lumaflux.lab.data.tone_pool import FULL_SCALE, TonePictures
from lumaflux.model.tone_predictor import TonePredictor

_SEED = 7
_LOWEST, _HIGHEST, _TRIED = 0.05, 20.0, 400


@torch.no_grad()
def logits_of_masters(predictor: TonePredictor, scenes: Sequence[TonePictures]) -> tuple[float, ...]:
    """What the head says of a view of each scene at an exposure of its own, through each operator."""
    generator, logits = torch.Generator().manual_seed(_SEED), []
    for scene in scenes:
        assert scene.hdr is not None
        master = exposed(torch.from_numpy(scene.hdr[:1].astype("float32") / FULL_SCALE), scene.scene, generator)
        sdr = torch.cat([render_standard(master, operator) for operator in OPERATORS])
        logits += predictor.read(sdr).camera.tolist()
    return tuple(logits)


def fit_temperature(camera: Sequence[float], graded: Sequence[float]) -> float:
    """The temperature in [0.05, 20] of logits of camera material and of graded masters; both kinds weigh the same.

    Raises ValueError where a kind has no picture.
    """
    if not camera or not graded:
        raise ValueError("a temperature needs pictures of both kinds")
    tried = torch.logspace(math.log10(_LOWEST), math.log10(_HIGHEST), _TRIED, dtype=torch.float64)

    def loss(logits: Sequence[float], sign: int) -> Tensor:
        return F.softplus(-sign * torch.tensor(logits, dtype=torch.float64)[:, None] / tried).mean(0)

    return float(tried[(loss(camera, 1) + loss(graded, -1)).argmin()])
