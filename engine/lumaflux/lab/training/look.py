"""Fits the tone predictor's last layer to a studio's own pairs: a look.

Everything below that layer is fixed, so that what the shipped predictor sees of a picture is found once, and minutes on
a CPU are enough. The layer is held near the shipped one by a penalty that counts as much as ``_PRIOR_PAIRS`` pairs do:
few pairs move the bias, many the weights. Every pair is judged by a layer that did not see it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lumaflux.color import ictcp, pq
from lumaflux.errors import UserError
from lumaflux.lab.data.look_pairs import LookPair
from lumaflux.lab.training.losses import itp_distance
from lumaflux.model.look_file import TRAINED
from lumaflux.model.tone_predictor import TonePredictor

LEAST_PAIRS = 3
FOLDS = 5
UPDATES = 300
_RATE = 4e-3
_BATCH = 16
_PRIOR_PAIRS = 4.0
_SCALES = {"head.weight": 0.02, "head.bias": 0.3, "line": 0.15}  # of a change that costs as much as the next
_PENALTY = 0.002
_THINNED = 3
_KINDS = (None, 0.0, 1.0)  # what may be said of the source
_KIND_SHARES = (0.6, 0.2, 0.2)


@dataclass(frozen=True, kw_only=True)
class Score:
    """Of one pair: PQ-PSNR in dB and Delta-E-ITP, by the shipped predictor and by a look that did not see the pair."""

    name: str
    shipped_psnr: float
    look_psnr: float
    shipped_itp: float
    look_itp: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Mean of look minus shipped over pairs, with its 95 % interval; NaN ends for fewer than two pairs."""

    mean: float
    low: float
    high: float


class _Records:
    """What the fixed part of the predictor says of frames, by what is said of their source."""

    def __init__(self, predictor: TonePredictor, pairs: Sequence[LookPair]):
        self.sdr = torch.from_numpy(np.concatenate([pair.sdr for pair in pairs]))
        self.hdr = torch.from_numpy(np.concatenate([pair.hdr for pair in pairs]))
        self.pair = torch.tensor([index for index, pair in enumerate(pairs) for _ in pair.sdr])
        with torch.no_grad():
            self.read = [predictor.read(self.sdr, kind) for kind in _KINDS]

    def placed(self, predictor: TonePredictor, picked: Tensor, kind: int, thinned: int = 1, start: int = 0) -> Tensor:
        """The frames ``picked`` through ``predictor``'s last layer: PQ/BT.2020 [N,3,S,S]."""
        read = self.read[kind]
        placement, _ = predictor.placed(read.tone[picked], read.share[picked], read.average[picked])
        return predictor(self.sdr[picked][..., start::thinned, start::thinned], placement)


def fit(predictor: TonePredictor, pairs: Sequence[LookPair], seed: int = 0) -> tuple[dict[str, Tensor], list[Score]]:
    """The tensors of a look by ``lumaflux.model.look_file.TRAINED``, and the score of every pair by a fold without it.

    ``predictor`` is left as it was. Raises UserError for fewer than ``LEAST_PAIRS`` pairs.
    """
    if len(pairs) < LEAST_PAIRS:
        count = "one pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
        raise UserError(
            f"there is {count}; a look is judged on pairs that it did not see, so give {LEAST_PAIRS} or more"
        )
    records = _Records(predictor, pairs)
    shipped = _state(predictor)
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed)).tolist()
    folds = [order[start :: min(FOLDS, len(pairs))] for start in range(min(FOLDS, len(pairs)))]
    scores: dict[int, Score] = {}
    try:
        before = {index: _scored(predictor, records, index) for index in range(len(pairs))}
        for fold in folds:
            _train(predictor, records, [index for index in range(len(pairs)) if index not in fold], seed)
            for index in fold:
                (psnr, itp), (own_psnr, own_itp) = before[index], _scored(predictor, records, index)
                scores[index] = Score(
                    name=pairs[index].name, shipped_psnr=psnr, look_psnr=own_psnr, shipped_itp=itp, look_itp=own_itp
                )
            _restore(predictor, shipped)
        _train(predictor, records, list(range(len(pairs))), seed)
        return _state(predictor), [scores[index] for index in range(len(pairs))]
    finally:
        _restore(predictor, shipped)


def difference(values: Sequence[float]) -> Difference:
    """Of one number a pair. Intervals by the bootstrap over pairs (lumaflux.lab.evaluation.report.bootstrap)."""
    from lumaflux.lab.evaluation.report.bootstrap import intervals

    found = intervals(np.asarray([values], dtype=np.float64), np.arange(len(values)))
    return Difference(mean=float(found.mean[0]), low=float(found.low[0]), high=float(found.high[0]))


def is_better(scores: Sequence[Score]) -> bool:
    """Whether the look beats the shipped predictor on pairs that it did not see, by both measures' intervals."""
    psnr = difference([score.look_psnr - score.shipped_psnr for score in scores])
    itp = difference([score.look_itp - score.shipped_itp for score in scores])
    return psnr.low > 0 and itp.high < 0


def _train(predictor: TonePredictor, records: _Records, pairs: Sequence[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    frames = [torch.nonzero(records.pair == index)[:, 0] for index in pairs]
    parameters = {name: parameter for name, parameter in predictor.named_parameters() if name in TRAINED}
    shipped = _state(predictor)
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    scales = {name: _RATE * _SCALES[name] / _SCALES["head.bias"] for name in TRAINED}
    groups = [{"params": [parameters[name]], "lr": scales[name]} for name in TRAINED]
    optimizer = torch.optim.Adam(groups)
    for step in range(UPDATES):
        falling = 0.5 * (1 + math.cos(math.pi * step / UPDATES))
        for group, name in zip(optimizer.param_groups, TRAINED, strict=True):
            group["lr"] = scales[name] * max(falling, 0.02)
        chosen = torch.randint(len(frames), (min(_BATCH, 2 * len(frames)),), generator=generator).tolist()
        picked = torch.stack(
            [frames[one][int(torch.randint(len(frames[one]), (), generator=generator))] for one in chosen]
        )
        kind = int(torch.multinomial(torch.tensor(_KIND_SHARES), 1, generator=generator))
        start = int(torch.randint(_THINNED, (), generator=generator))
        placed = records.placed(predictor, picked, kind, _THINNED, start)
        wanted = records.hdr[picked][..., start::_THINNED, start::_THINNED]
        error = placed - wanted
        deviation = (error.square().mean(dim=(1, 2, 3)) + 1e-5).sqrt().mean()
        held = sum(((parameters[name] - shipped[name]) / _SCALES[name]).square().sum() for name in TRAINED)
        loss = error.abs().mean() + deviation + itp_distance(placed, wanted)
        optimizer.zero_grad()
        (loss + _PENALTY * _PRIOR_PAIRS / (_PRIOR_PAIRS + len(pairs)) * held).backward()
        optimizer.step()
    for parameter in parameters.values():
        parameter.requires_grad_(False)


@torch.no_grad()
def _scored(predictor: TonePredictor, records: _Records, pair: int) -> tuple[float, float]:
    """Means over a pair's frames, nothing said of the source."""
    picked = torch.nonzero(records.pair == pair)[:, 0]
    placed, wanted = records.placed(predictor, picked, 0), records.hdr[picked]
    psnr = -10 * (placed - wanted).square().mean(dim=(1, 2, 3)).log10()
    return float(psnr.mean()), float(ictcp.delta_e_itp(pq.eotf(placed), pq.eotf(wanted)).mean())


def _state(predictor: TonePredictor) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in predictor.named_parameters() if name in TRAINED}


def _restore(predictor: TonePredictor, tensors: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in predictor.named_parameters():
            if name in tensors:
                parameter.copy_(tensors[name])
