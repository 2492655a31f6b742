"""The paper's ablation as one table: trained variants of the model, each with its difference to the row above it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.report import bootstrap, tables
from lumaflux.lab.evaluation.report.directions import metric_named
from lumaflux.lab.evaluation.report.json_csv import plain
from lumaflux.lab.evaluation.report.markdown import (
    INTERVALS,
    difference_text,
    escaped,
    heading,
    interval_text,
    markdown_table,
)
from lumaflux.lab.evaluation.report.run_folder import Run, read_run
from lumaflux.lab.evaluation.report.write import write_whole

# variant -> its row, in the order of the paper
VARIANTS = {
    "flux-lora": "Flux + LoRA only",
    "pga-no-gate": "+ PGA without spectral gate",
    "pga": "+ PGA",
    "pcm": "+ PCM",
    "spline-linear": "+ spline, linear",
    "spline-monotone": "+ spline, monotone",
}


def parse_variants(words: Iterable[str]) -> dict[str, str]:
    """VARIANT=METHOD words of a command line -> method by variant. Raises UserError for another form, an unknown
    variant, or one that is there twice."""
    found: dict[str, str] = {}
    for word in words:
        variant, equals, method = word.partition("=")
        if not (variant and equals and method):
            raise UserError(f"'{word}' is not VARIANT=METHOD; the variants are {', '.join(VARIANTS)}")
        if variant not in VARIANTS:
            raise UserError(f"there is no variant '{variant}'; name one of {', '.join(VARIANTS)}")
        if variant in found:
            raise UserError(f"the variant {variant} is named twice; keep one")
        found[variant] = method
    return found


def write_ablation(run_folder: Path, *, set_folder: Path, variants: Mapping[str, str]) -> list[Path]:
    """Writes ablation.md and ablation.json into ``run_folder``; their paths. ``variants``: the method of the run by
    variant, at least two. Variants that were not run are named in both.

    Raises UserError as ``read_run`` does, for a method that the run does not have, and for less than two variants.
    """
    run = read_run(run_folder, set_folder)
    rows = ablation_table(run, variants)
    document = {
        "set": run.manifest.name,
        "average": tables.AVERAGE,
        "intervals": {"level": bootstrap.LEVEL, "unit": "scene", "seed": bootstrap.SEED},
        "not_run": _not_run(variants),
        "rows": rows,
    }
    text = json.dumps(plain(document), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return [
        write_whole(run_folder / "ablation.json", text),
        write_whole(run_folder / "ablation.md", _markdown(run, rows, _not_run(variants))),
    ]


def ablation_table(run: Run, variants: Mapping[str, str]) -> list[dict]:
    """Rows in the order of the paper: variant, label, method, ``means`` (Cell by key) and ``to_previous`` (Difference
    by key, empty in the first row). Raises UserError as ``write_ablation`` does."""
    if strange := set(variants) - set(VARIANTS):
        raise UserError(f"there is no variant {', '.join(sorted(strange))}; name some of {', '.join(VARIANTS)}")
    if missing := [name for name in variants.values() if name not in run.scores.methods]:
        raise UserError(f"the run has no method {', '.join(missing)}; it has {', '.join(run.scores.methods)}")
    if len(set(variants.values())) < 2 or len(set(variants.values())) < len(variants):
        raise UserError("an ablation needs two variants or more, each a method of its own; name them VARIANT=METHOD")
    means, differences = tables.overall(run.scores), tables.differences(run.scores)
    rows: list[dict] = []
    for variant, label in VARIANTS.items():
        if variant not in variants:
            continue
        method = variants[variant]
        before = rows[-1]["method"] if rows else None
        rows.append(
            {
                "variant": variant,
                "label": label,
                "method": method,
                "means": means[method],
                "to_previous": {key: differences[method, before, key] for key in run.scores.keys} if before else {},
            }
        )
    return rows


def _not_run(variants: Mapping[str, str]) -> list[str]:
    return [variant for variant in VARIANTS if variant not in variants]


def _markdown(run: Run, rows: list[dict], not_run: list[str]) -> str:
    metrics = [metric_named(key) for key in run.scores.keys]
    lines = []
    for row in rows:
        cells = [metric.text(row["means"][metric.key].mean) for metric in metrics]
        spans = [interval_text(m, row["means"][m.key].low, row["means"][m.key].high) for m in metrics]
        steps = [difference_text(m, row["to_previous"][m.key]) if row["to_previous"] else "" for m in metrics]
        lines.append([escaped(row["label"]), *[cell + span for cell, span in zip(cells, spans, strict=True)]])
        if row["to_previous"]:
            lines.append(["to the row above", *steps])
    parts = [
        f"# Ablation on {escaped(run.manifest.name)}",
        f"{tables.AVERAGE} {INTERVALS} **Bold** differences exclude zero.",
        markdown_table(["Variant", *[heading(metric) for metric in metrics]], lines),
    ]
    if not_run:
        parts.append(f"Not run: {', '.join(not_run)}.")
    return "\n\n".join(parts) + "\n"
