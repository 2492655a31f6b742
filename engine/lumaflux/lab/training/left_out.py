"""Operators that training never saw: the tone predictor trained anew without each family, judged on that family alone.

``python -m lumaflux.lab.training.left_out CONFIG --set SET`` (configs/lite-left-out.yaml) trains an anchor on all
eight operators and one without each family, and scores their placements (the transformer left out, fresh adapters) on
test scenes. Each training resumes; scores that are there already are kept.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lumaflux.arguments import folder_there, whole
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.lab.training.config import TrainConfig, read_train_config

FAMILIES: dict[str, tuple[str, ...]] = {
    "clip": ("hard-clip", "gamma-clip"),
    "bt2446": ("bt2446a", "bt2446c"),
    "aces": ("aces-1.3",),
    "reinhard": ("reinhard",),
    "log": ("logc",),
    "bt2390": ("bt2390",),
}
_ALL = "all"  # the anchor that saw every operator
_SHOWN = ("psnr", "psnr_aligned", "delta_e_itp", "delta_e_itp_aligned")


def without(config: TrainConfig, family: str) -> TrainConfig:
    """The configuration of one family's training, in a folder of its own; ``all`` leaves nothing out."""
    options = {**config.options, "without": list(FAMILIES.get(family, ()))}
    return replace(config, run=config.run / family / "anchor", options=options)


def trained_placement(config: TrainConfig, family: str) -> Path:
    """Trains the anchor without ``family``, puts it on the frozen stages below ``config.start``; the model's folder.

    Raises UserError as training does.
    """
    from lumaflux.lab.training.stage_weights import load_backbone_stages
    from lumaflux.lab.training.tone_predictor import RESULT
    from lumaflux.lab.training.train import is_trained, train_configured
    from lumaflux.model.checkpoint import save_model

    if config.stage != "anchor" or config.start is None:
        raise UserError("operators are left out of the anchor's training: 'stage: anchor', and 'start' for the rest")
    own, folder = without(config, family), config.run / family / "model"
    if is_trained(own) and (folder / "adapters.safetensors").exists():  # written anew, it would be scored anew
        return folder
    train_configured(own, cpu=True)
    network = load_backbone_stages(config.model, config.start, config.seed, anchor=own.run / RESULT)
    summary = {"stage": "anchor", "steps": own.steps, "without": own.options["without"]}
    save_model(network, folder, base_model=network.config.name, training=summary)
    return folder


def scores_on(family: str, models: Mapping[str, Path], set_folder: Path, out: Path, crf: Sequence[int], frames: int):
    """Means by method and key over the clips that the family rendered, no transformer in any of them."""
    from lumaflux.lab.evaluation.report.run_folder import read_run
    from lumaflux.lab.evaluation.report.tables import overall
    from lumaflux.lab.evaluation.run import run_benchmark
    from lumaflux.lab.evaluation.selection import Selection
    from lumaflux.lab.evaluation.units import Benchmark

    selection = Selection(renderings=FAMILIES[family], crf=tuple(crf), frames_per_clip=frames)
    methods = [f"{name}=model:{folder}:bypass" for name, folder in models.items()]
    run_benchmark(Benchmark(folder=set_folder, methods=tuple(methods), selection=selection), out)
    return overall(read_run(out, set_folder).scores)


def table(rows: Mapping[str, Mapping]) -> str:
    """Markdown: a row for each family, trained without it and with it."""
    names = ("PSNR", "PSNR, aligned", "Delta-E-ITP", "Delta-E-ITP, aligned")
    heads = ["left out", "operators judged", *names, *(f"{name} (seen)" for name in names)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for family, means in rows.items():
        cells = [f"{means[method][key].mean:.2f}" for method in ("unseen", "seen") for key in _SHOWN]
        lines.append(f"| {family} | {', '.join(FAMILIES[family])} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.training.left_out", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", type=folder_there, required=True, help="a benchmark set (lumaflux luma-eval build)")
    parser.add_argument("--family", choices=list(FAMILIES), action="append", help="default: each in turn")
    parser.add_argument("--crf", type=whole(0, 51), nargs="+", default=[23])
    parser.add_argument("--frames-per-clip", type=whole(), default=2)
    options = parser.parse_args(arguments)
    with told("lumaflux"):
        config = read_train_config(options.config)
        seen = trained_placement(config, _ALL)
        rows = {}
        for family in options.family or FAMILIES:
            models = {"unseen": trained_placement(config, family), "seen": seen}
            out = config.run / family / "scores"
            rows[family] = scores_on(family, models, options.set, out, options.crf, options.frames_per_clip)
            print(table(rows), flush=True)


if __name__ == "__main__":
    main()
