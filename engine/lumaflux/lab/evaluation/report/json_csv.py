"""The report for programs: everything that the page says as JSON, every score of every record as a CSV line."""

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from lumaflux.lab.evaluation.records import Record
from lumaflux.lab.evaluation.report import bootstrap
from lumaflux.lab.evaluation.report.content import Content
from lumaflux.lab.evaluation.report.directions import metric_named
from lumaflux.lab.evaluation.report.tables import AVERAGE

CSV_COLUMNS = (
    "method",
    "clip",
    "sequence",
    "scene",
    "split",
    "content",
    "rendering",
    "crf",
    "frame",
    "score",
    "value",
    "error",
)


def report_json(content: Content) -> str:
    """Infinite means are the word "infinite"; what could not be computed is null."""
    run, scores = content.run, content.run.scores
    document = {
        "set": run.manifest.name,
        "preset": run.preset,
        "average": AVERAGE,
        "intervals": {
            "level": bootstrap.LEVEL,
            "unit": "scene",
            "resamples": bootstrap.RESAMPLES,
            "seed": bootstrap.SEED,
            "scenes_for_a_verdict": bootstrap.SCENES_FOR_A_VERDICT,
        },
        "counts": content.counts,
        "notes": content.notes,
        "methods": [{"name": name, "told": run.told.get(name)} for name in scores.methods],
        "metrics": {key: {"label": metric_named(key).label, "better": metric_named(key).better} for key in scores.keys},
        "overall": content.overall,
        "by": content.grouped,
        "differences": list(content.differences.values()),
        "failures": [{"method": r.method, "clip": r.clip, "frame": r.frame, "error": r.error} for r in scores.failures],
        "frames_shown": [
            {"method": f.method, "clip": f.clip, "frame": f.frame, "rank": f.rank, "place": f.place}
            for f in content.chosen
        ],
        "options": run.options,
    }
    return json.dumps(plain(document), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def report_csv(records: list[Record]) -> str:
    """Long format: one line a record and score, in the columns CSV_COLUMNS; a failed record is one line with its
    error and no score. Tracks are left out."""
    file = io.StringIO(newline="")
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(CSV_COLUMNS)
    for record in records:
        known = asdict(record)
        facts = [known[name] for name in CSV_COLUMNS[:9]]
        if record.error is not None:
            lines.writerow([*facts, None, None, record.error])
        else:
            lines.writerows(
                [*facts, key, plain(value), None]
                for key, value in record.scores.items()
                if not isinstance(value, dict | list)
            )
    return file.getvalue()


def plain(tree: Any) -> Any:
    """Dataclasses, tuples and infinite numbers as what JSON has: objects, lists, the word "infinite"; NaN is null."""
    if is_dataclass(tree) and not isinstance(tree, type):
        tree = asdict(tree)
    if isinstance(tree, Mapping):
        return {str(key): plain(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [plain(value) for value in tree]
    if isinstance(tree, float) and not math.isfinite(tree):
        return None if math.isnan(tree) else "infinite" if tree > 0 else "-infinite"
    return tree
