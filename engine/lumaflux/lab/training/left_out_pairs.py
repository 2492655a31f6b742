"""Sources that training never saw: the tone predictor trained anew without some of them, judged on those.

Author-made pairs, or HDR as it was graded (``--kind graded``). Whole pictures at the pool's size, and beside the
predictor what it has to beat: static placement, an inverse, and one static curve fitted to the sources that this
training saw. Trainings resume; results that are there already are kept. Last, how certain the head of the kind of
source may be (lumaflux.lab.training.kind_temperature).

``python -m lumaflux.lab.training.left_out_pairs [CONFIG] --pool POOL [--kind KIND] [--folds N] [--steps N]`` prints the
table.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from lumaflux.arguments import folder_there, whole
from lumaflux.color import ictcp, pq
from lumaflux.color.operators import OPERATORS
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.lab.data.author_rendering import render_author, render_hlg
from lumaflux.lab.data.mastering import shoulder
from lumaflux.lab.data.reference_white_rendering import render_reference_white
from lumaflux.lab.data.renderings import render_standard
from lumaflux.lab.data.tone_pairs import PairRenderer
from lumaflux.lab.data.tone_pool import FULL_SCALE, TonePictures, load_pool
from lumaflux.lab.evaluation.baselines import BASELINES
from lumaflux.lab.evaluation.static_curve import StaticCurve, fit_static_curve
from lumaflux.lab.training.config import TrainConfig, read_train_config
from lumaflux.lab.training.kind_temperature import fit_temperature, logits_of_masters
from lumaflux.lab.training.tone_predictor import RESULT
from lumaflux.model.checkpoint import read_tensors
from lumaflux.model.config import read_config
from lumaflux.model.tone_predictor import TonePredictor

METHODS = ("static placement", "inverse BT.2446 A", "static curve", "source told", "found by itself")
_MARGIN = 2.0  # Delta-E-ITP: what a picture may be worse than static placement
Kind = Literal["pair", "graded"]
_NAMED: dict[Kind, str] = {"pair": "author-made pairs", "graded": "graded sources"}
_LAWS = {"author": render_author, "hlg": render_hlg, "white": render_reference_white}
_SEED = 7


@dataclass(frozen=True, kw_only=True)
class Example:
    """SDR and HDR signals [1,3,S,S] that training never saw, and whether they are ``camera`` material."""

    name: str
    sdr: Tensor
    hdr: Tensor
    camera: bool


@dataclass(frozen=True, kw_only=True)
class LeftOutScore:
    """``psnr``, PQ-PSNR in dB, and ``delta_e``, Delta-E-ITP, of an example by each of ``METHODS``; ``logit`` that it is
    camera material, which it is or not, and ``graded``, those of masters that this training never saw either."""

    name: str
    psnr: Mapping[str, float]
    delta_e: Mapping[str, float]
    logit: float
    camera: bool
    graded: tuple[float, ...]


def examples_of(source: TonePictures) -> list[Example]:
    """An author-made pair is one; of HDR as it was graded the first and the middle view are shown by the authors' laws
    and by the eight operators."""
    if source.kind == "pair":
        sdr, hdr = PairRenderer.whole(source)
        return [Example(name=source.name, sdr=sdr, hdr=hdr, camera=True)]
    assert source.hdr is not None
    examples = []
    for view in (0, len(source.hdr) // 2):
        light = torch.from_numpy(source.hdr[view : view + 1].astype("float32") / FULL_SCALE)
        hdr = pq.inverse_eotf(shoulder(pq.eotf(light)))
        made = [(law(hdr, torch.Generator().manual_seed(_SEED)), True) for law in _LAWS.values()]
        made += [(render_standard(hdr, operator), False) for operator in OPERATORS]
        for sdr, camera in made:
            name = f"{source.name} by {'authors' if camera else 'operators'}"
            examples.append(Example(name=name, sdr=(sdr * 255).round() / 255, hdr=hdr, camera=camera))
    return examples


def leave_out(config: TrainConfig, folds: int | None = None, kind: Kind = "pair") -> Iterator[LeftOutScore]:
    """Every training source of ``kind`` in ``config.views``, judged by a predictor that was trained without its fold:
    one source each, or ``folds`` of about one size. Raises UserError as training does, and for a pool of fewer than two
    sources."""
    if config.stage != "anchor" or config.views is None:
        raise UserError("sources are left out of the anchor's training: 'stage: anchor', and a pool in 'views'")
    sources = [picture for picture in load_pool(config.views) if picture.kind == kind]
    if len(sources) < 2:
        raise UserError(f"{config.views} has {len(sources)} {_NAMED[kind]} for training; two are the least")
    masters = [p for p in load_pool(config.views, ("validation",)) if p.kind in ("panorama", "still", "cube")]
    if not masters:
        raise UserError(f"{config.views} has no validation scene to find the temperature of the kind's head on")
    count = len(sources) if folds is None else folds
    if not 2 <= count <= len(sources):
        raise UserError(
            f"{len(sources)} {_NAMED[kind]} cannot be left out in {count} folds; choose from 2 to {len(sources)}"
        )
    for fold in range(count):
        held = sources[fold::count]
        predictor = _trained(config, fold, count, [source.name for source in held])
        curve = fit_static_curve(
            [
                (example.sdr.numpy(), example.hdr.numpy())
                for source in sources
                if source not in held
                for example in examples_of(source)
            ],
            "luma",
        )
        graded = logits_of_masters(predictor, masters)
        for source in held:
            for example in examples_of(source):
                yield _score(example, predictor, graded, curve)


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
def _score(example: Example, predictor: TonePredictor, graded: tuple[float, ...], curve: StaticCurve) -> LeftOutScore:
    sdr, hdr = example.sdr, example.hdr
    made = {
        METHODS[0]: sdr_to_pq(sdr),
        METHODS[1]: torch.from_numpy(BASELINES["inverse-bt2446a"](sdr[0].numpy()))[None],
        METHODS[2]: torch.from_numpy(curve(sdr.numpy())),
        METHODS[3]: predictor(sdr, predictor.predict(sdr, float(example.camera))),
        METHODS[4]: predictor(sdr, predictor.predict(sdr)),
    }
    return LeftOutScore(
        name=example.name,
        psnr={name: float(-10 * (out - hdr).square().mean().log10()) for name, out in made.items()},
        delta_e={name: float(ictcp.delta_e_itp(pq.eotf(out), pq.eotf(hdr)).mean()) for name, out in made.items()},
        logit=float(predictor.read(sdr).camera),
        camera=example.camera,
        graded=graded,
    )


def table(scores: Sequence[LeftOutScore]) -> str:
    """Markdown: a row a name, the mean over names, which are worse than static placement by more than 2 Delta-E-ITP,
    and, where there is camera material, the temperature of the head of the kind."""
    lines = [f"| left out | {' | '.join(METHODS)} |", "|---" * (len(METHODS) + 1) + "|"]
    rows = {
        name: np.mean([[(s.psnr[m], s.delta_e[m]) for m in METHODS] for s in scores if s.name == name], axis=0)
        for name in dict.fromkeys(score.name for score in scores)
    }
    rows[f"mean of {len(rows)}"] = np.mean(list(rows.values()), axis=0)
    for name, cells in rows.items():
        lines.append(f"| {name} | {' | '.join(f'{psnr:.1f} / {de:.1f}' for psnr, de in cells)} |")
    for index in (3, 4):
        lost = {name: cells[index][1] - cells[0][1] for name, cells in rows.items() if not name.startswith("mean of ")}
        worse = [f"{name} (+{by:.1f})" for name, by in sorted(lost.items(), key=lambda x: -x[1]) if by > _MARGIN]
        lines.append(
            f"\nWorse than static placement by more than {_MARGIN:g}, {METHODS[index]}: {', '.join(worse) or 'none'}."
        )
    cameras = [score.logit for score in scores if score.camera]
    masters = [logit for score in scores for logit in score.graded]
    right = np.mean(np.array(cameras) > 0), np.mean(np.array(masters) < 0)
    lines.append(
        f"\nThe head of the kind names {right[0]:.0%} of camera material and {right[1]:.0%} of masters by operators "
        f"rightly; its temperature is {fit_temperature(cameras, masters):.2f}."
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.training.left_out_pairs", description=__doc__)
    parser.add_argument("config", type=Path, nargs="?", default=Path("lite-anchor"), help="default: lite-anchor")
    parser.add_argument("--pool", type=folder_there, help="of lumaflux.lab.data.tone_pool; default: as configured")
    parser.add_argument("--run", type=Path, default=Path("runs/lite/left-out-pairs"), help="where trainings are kept")
    parser.add_argument("--kind", choices=get_args(Kind), default="pair", help="of the sources; default: pair")
    parser.add_argument("--folds", type=whole(2), help="trainings that share the sources; default: one a source")
    parser.add_argument("--steps", type=whole(), help="updates of each training; default: the configuration's")
    options = parser.parse_args(arguments)
    with told("lumaflux"):
        config = read_train_config(options.config)
        config = replace(
            config, run=options.run, views=options.pool or config.views, steps=options.steps or config.steps
        )
        scores = []
        for score in leave_out(config, options.folds, options.kind):
            scores.append(score)
            print(f"{score.name}: {len(scores)} done", file=sys.stderr, flush=True)
        print("PQ-PSNR in dB / Delta-E-ITP\n\n" + table(scores))


if __name__ == "__main__":
    main()
