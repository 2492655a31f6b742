"""The paper's ablation (section 4) on a model of one's own: the adapter stage once for each variant, then one table.

``python -m lumaflux.lab.training.ablation CONFIG --set SET`` (configs/lite-ablation.yaml) trains every variant from
the same start on the same pairs, scores them on a benchmark set and writes ``ablation.md``. Without a set, of adapters
for highlights, the table has the stage's own figures of validation scenes. All of it resumes.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lumaflux.arguments import folder_there, whole
from lumaflux.endings import told
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.training.ablation", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", type=folder_there, help="a benchmark set (lumaflux luma-eval build)")
    parser.add_argument("--rows", nargs="+", choices=tuple(ROWS), default=list(ROWS), help="some of the rows")
    parser.add_argument("--route", choices=("direct", "render"), default="direct", help="the paper's, or convert's")
    parser.add_argument("--crf", type=whole(0, 51), nargs="+", default=[])
    parser.add_argument("--frames-per-clip", type=whole())
    parser.add_argument("--cpu", action="store_true", help="ignore accelerators")
    options = parser.parse_args(arguments)
    with told("lumaflux"):
        config = read_train_config(options.config)
        by_highlights = config.options.get("detail") == "highlights"
        if options.set is None and not by_highlights:
            raise UserError("name a benchmark set with --set; only adapters for highlights are scored without one")
        models = train_variants(config, [ROWS[row] for row in options.rows], cpu=options.cpu)
        files = _score(config.run / "scores", models, options) if options.set else [_write_figures(config, models)]
        for file in files:
            print(f"wrote {file}")


def _score(out: Path, models: dict[str, Path], options: argparse.Namespace) -> list[Path]:
    from lumaflux.lab.evaluation.report.ablation import write_ablation
    from lumaflux.lab.evaluation.run import run_benchmark
    from lumaflux.lab.evaluation.selection import Selection
    from lumaflux.lab.evaluation.units import Benchmark

    selection = Selection(crf=tuple(options.crf), frames_per_clip=options.frames_per_clip)
    path = ":direct" if options.route == "direct" else ""
    methods = [f"{row}=model:{models[ROWS[row]]}{path}" for row in options.rows]
    run_benchmark(Benchmark(folder=options.set, methods=tuple(methods), selection=selection), out)
    return write_ablation(out, set_folder=options.set, variants={row: row for row in options.rows})


def _write_figures(config: TrainConfig, models: dict[str, Path]) -> Path:
    """The table of lumaflux.lab.training.highlight_scores: each variant, and what they all started from."""
    from lumaflux.lab.training.adapters import network_for
    from lumaflux.lab.training.highlight_scores import baselines, generated_by, score, table
    from lumaflux.lab.training.highlight_task import bank_folder
    from lumaflux.lab.training.latent_bank import load_bank
    from lumaflux.model.checkpoint import load_model

    rows = {variant: row for row, variant in ROWS.items()}
    banks = load_bank(bank_folder(of_variant(config, next(iter(models)))) / "validation")
    start = network_for(replace(config, options={"silent_context": True}))
    figures = {**baselines(banks), "prior alone": score(banks, generated_by(start))}
    for variant, model in models.items():
        figures[rows[variant]] = score(banks, generated_by(load_model(model)))
    out = config.run / "ablation.md"
    out.write_text(table(figures) + "\n")
    return out


if __name__ == "__main__":
    main()
