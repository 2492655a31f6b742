"""The paper's ablation (section 4) on a model of one's own: the adapter stage once for each variant, then one table.

``python -m lumaflux.lab.training.ablation CONFIG --set SET`` (configs/lite-ablation.yaml) trains every variant from
the same start on the same pairs, scores them on a benchmark set and writes ``ablation.md``. All of it resumes.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.lab.training.config import TrainConfig, read_train_config

# rows of lumaflux.lab.evaluation.report.ablation -> variants of lumaflux.model.config
ROWS = {
    "flux-lora": "lora",
    "pga-no-gate": "pga-no-spectrum",
    "pga": "pga",
    "pcm": "pga-pcm",
    "spline-linear": "linear-spline",
    "spline-monotone": "full",
}


def of_variant(config: TrainConfig, variant: str) -> TrainConfig:
    """The configuration of one variant's training, in a folder of its own below ``config.run``."""
    return replace(config, run=config.run / variant, options={**config.options, "variant": variant})


def train_variants(config: TrainConfig, variants: Sequence[str], *, cpu: bool = False) -> dict[str, Path]:
    """Trains each variant; model directories by variant. Raises UserError as training does."""
    from lumaflux.lab.training.adapters import RESULT
    from lumaflux.lab.training.train import is_trained, train_configured

    if config.stage != "adapters":
        raise UserError(f"an ablation trains adapters; the configuration is of the stage '{config.stage}'")
    models = {}
    for variant in variants:
        own = of_variant(config, variant)
        models[variant] = own.run / RESULT
        if not (is_trained(own) and (models[variant] / "adapters.safetensors").exists()):  # else scored anew, too
            train_configured(own, cpu=cpu)
    return models


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.training.ablation", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", type=Path, required=True, help="a benchmark set (lumaflux luma-eval build)")
    parser.add_argument("--route", choices=("direct", "render"), default="direct", help="the paper's, or convert's")
    parser.add_argument("--crf", type=int, nargs="+", default=[])
    parser.add_argument("--frames-per-clip", type=int)
    parser.add_argument("--cpu", action="store_true", help="ignore accelerators")
    options = parser.parse_args(arguments)
    try:
        config = read_train_config(options.config)
        models = train_variants(config, list(ROWS.values()), cpu=options.cpu)
        for file in _score(config.run / "scores", models, options):
            print(f"wrote {file}")
    except UserError as error:
        print(f"lumaflux: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _score(out: Path, models: dict[str, Path], options: argparse.Namespace) -> list[Path]:
    from lumaflux.lab.evaluation.report.ablation import write_ablation
    from lumaflux.lab.evaluation.run import run_benchmark
    from lumaflux.lab.evaluation.selection import Selection

    selection = Selection(crf=tuple(options.crf), frames_per_clip=options.frames_per_clip)
    path = ":direct" if options.route == "direct" else ""
    methods = [f"{row}=model:{models[variant]}{path}" for row, variant in ROWS.items()]
    run_benchmark(options.set, out, methods, selection=selection)
    return write_ablation(out, set_folder=options.set, variants={row: row for row in ROWS})


if __name__ == "__main__":
    sys.exit(main())
