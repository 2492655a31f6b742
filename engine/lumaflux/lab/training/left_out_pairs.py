"""Author-made pairs that training never saw: the tone predictor trained anew without some of them, judged on those.

Whole pictures at the pool's size, and beside the predictor what it has to beat: static placement, and one static curve
fitted to the pairs that this training saw. Trainings resume; results that are there already are kept. Last, how certain
the head of the kind of source may be (lumaflux.lab.training.kind_temperature).

``python -m lumaflux.lab.training.left_out_pairs [CONFIG] --pool POOL [--folds N] [--steps N]`` prints the table.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lumaflux.color import ictcp, pq
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.lab.data.tone_pairs import PairRenderer
from lumaflux.lab.data.tone_pool import TonePictures, load_pool
from lumaflux.lab.evaluation.static_curve import fit_static_curve
from lumaflux.lab.training.config import TrainConfig, read_train_config
from lumaflux.lab.training.kind_temperature import fit_temperature, logits_of_masters
from lumaflux.lab.training.tone_predictor import RESULT
from lumaflux.model.checkpoint import read_tensors
from lumaflux.model.config import read_config
from lumaflux.model.tone_predictor import TonePredictor

METHODS = ("static placement", "static curve", "source told", "found by itself")
_MARGIN = 2.0  # Delta-E-ITP: what a picture may be worse than static placement


@dataclass(frozen=True, kw_only=True)
class PairScore:
    """``psnr``, PQ-PSNR in dB, and ``delta_e``, Delta-E-ITP, of a pair by each of ``METHODS``; ``camera``, the logit
    that it is camera material, and ``graded``, those of masters that this training never saw either."""

    name: str
    psnr: Mapping[str, float]
    delta_e: Mapping[str, float]
    camera: float
    graded: tuple[float, ...]


def leave_out(
    config: TrainConfig,
    folds: int | None = None,
) -> Iterator[PairScore]:
    """Every training pair of ``config.views``, judged by a predictor that was trained without its fold: one pair
    each, or ``folds`` of about one size. Raises UserError as training does, and for a pool of fewer than two
    pairs."""
    if config.stage != "anchor" or config.views is None:
        raise UserError("pairs are left out of the anchor's training: 'stage: anchor', and a pool in 'views'")
    pairs = [picture for picture in load_pool(config.views) if picture.kind == "pair"]
    if len(pairs) < 2:
        raise UserError(f"{config.views} has {len(pairs)} author-made pairs for training; two are the least")
    masters = [p for p in load_pool(config.views, ("validation",)) if p.kind in ("panorama", "still", "cube")]
    if not masters:
        raise UserError(f"{config.views} has no validation scene to find the temperature of the kind's head on")
    count = len(pairs) if folds is None else folds
    if not 2 <= count <= len(pairs):
        raise UserError(f"{len(pairs)} pairs cannot be left out in {count} folds; choose from 2 to {len(pairs)}")
    for fold in range(count):
        held = pairs[fold::count]
        predictor = _trained(config, fold, count, [pair.name for pair in held])
        curve = fit_static_curve(
            ([part.numpy() for part in PairRenderer.whole(pair)] for pair in pairs if pair not in held),  # pyright: ignore[reportArgumentType]
            "luma",
        )
        graded = logits_of_masters(predictor, masters)
        for pair in held:
            yield _score(pair, predictor, graded, lambda sdr: torch.from_numpy(curve(sdr.numpy())))  # noqa: B023 (called here)


def _trained(config: TrainConfig, fold: int, count: int, held: Sequence[str]) -> TonePredictor:
    from lumaflux.lab.training.train import is_trained, train_configured

    folder = config.run / f"{fold + 1}-of-{count}"
    own = replace(config, run=folder, options={**config.options, "held": list(held)})
    if not (is_trained(own) and (folder / RESULT).exists()):
        train_configured(own, cpu=True)
    predictor = TonePredictor(read_config(config.model))
    predictor.load_state_dict(read_tensors(folder / RESULT)[0])
    return predictor.eval()


@torch.no_grad()
def _score(
    pair: TonePictures, predictor: TonePredictor, graded: tuple[float, ...], curve: Callable[[Tensor], Tensor]
) -> PairScore:
    sdr, hdr = PairRenderer.whole(pair)
    made = {
        METHODS[0]: sdr_to_pq(sdr),
        METHODS[1]: curve(sdr),
        METHODS[2]: predictor(sdr, predictor.predict(sdr, 1.0)),
        METHODS[3]: predictor(sdr, predictor.predict(sdr)),
    }
    return PairScore(
        name=pair.name,
        psnr={name: float(-10 * (out - hdr).square().mean().log10()) for name, out in made.items()},
        delta_e={name: float(ictcp.delta_e_itp(pq.eotf(out), pq.eotf(hdr)).mean()) for name, out in made.items()},
        camera=float(predictor.read(sdr).camera),
        graded=graded,
    )


def table(scores: Sequence[PairScore]) -> str:
    """Markdown: a row a pair, their mean, which are worse than static placement by more than 2 Delta-E-ITP, and the
    temperature of the head of the kind."""
    lines = [f"| pair | {' | '.join(METHODS)} |", "|---" * (len(METHODS) + 1) + "|"]
    rows = [(score.name, [(score.psnr[m], score.delta_e[m]) for m in METHODS]) for score in scores]
    rows.append((f"mean of {len(scores)}", list(map(tuple, np.mean([cells for _, cells in rows], axis=0)))))
    lines += [f"| {name} | {' | '.join(f'{psnr:.1f} / {de:.1f}' for psnr, de in cells)} |" for name, cells in rows]
    for method in METHODS[2:]:
        lost = {s.name: s.delta_e[method] - s.delta_e[METHODS[0]] for s in scores}
        worse = [f"{name} (+{by:.1f})" for name, by in sorted(lost.items(), key=lambda x: -x[1]) if by > _MARGIN]
        lines.append(f"\nWorse than static placement by more than {_MARGIN:g}, {method}: {', '.join(worse) or 'none'}.")
    cameras, masters = [score.camera for score in scores], [logit for score in scores for logit in score.graded]
    right = np.mean(np.array(cameras) > 0), np.mean(np.array(masters) < 0)
    lines.append(
        f"\nThe head of the kind names {right[0]:.0%} of the pairs and {right[1]:.0%} of masters by operators rightly; "
        f"its temperature is {fit_temperature(cameras, masters):.2f}."
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.training.left_out_pairs", description=__doc__)
    parser.add_argument("config", type=Path, nargs="?", default=Path("lite-anchor"), help="default: lite-anchor")
    parser.add_argument("--pool", type=Path, help="by lumaflux.lab.data.tone_pool; default: the configuration's")
    parser.add_argument("--run", type=Path, default=Path("runs/lite/left-out-pairs"), help="where trainings are kept")
    parser.add_argument("--folds", type=int, help="trainings that share the pairs; default: one a pair")
    parser.add_argument("--steps", type=int, help="updates of each training; default: the configuration's")
    options = parser.parse_args(arguments)
    try:
        config = read_train_config(options.config)
        config = replace(
            config, run=options.run, views=options.pool or config.views, steps=options.steps or config.steps
        )
        scores = []
        for score in leave_out(config, options.folds):
            scores.append(score)
            print(f"{score.name}: {len(scores)} done", file=sys.stderr, flush=True)
        print("PQ-PSNR in dB / Delta-E-ITP\n\n" + table(scores))
    except UserError as error:
        print(f"lumaflux: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
