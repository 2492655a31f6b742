"""A finished (or stopped) benchmark run, read whole: its records, its options and its set."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.records import OPTIONS, RESULTS, Record, read_records
from lumaflux.lab.evaluation.report.score_arrays import ScoreArrays, score_arrays
from lumaflux.lab.evaluation.sets.manifest import Manifest, read_manifest


@dataclass(frozen=True, kw_only=True)
class Run:
    """``told``: the rendering by the method that undoes it."""

    manifest: Manifest
    options: dict[str, Any]
    records: list[Record]
    scores: ScoreArrays
    told: dict[str, str]

    @property
    def preset(self) -> str:
        """The preset's name, wherever the options have it; empty where they do not say."""
        return _first_text(self.options, "preset")


def read_run(run_folder: Path, set_folder: Path) -> Run:
    """Raises UserError where records, options or the set's manifest cannot be read, and where there are no records."""
    path = run_folder / OPTIONS
    try:
        options = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); run the benchmark first") from None
    except ValueError:
        raise UserError(f"{path} is not JSON; run the benchmark again") from None
    if not isinstance(options, dict):
        raise UserError(f"{path} holds no options; run the benchmark again")
    records = read_records(run_folder / RESULTS)
    methods = options.get("methods", {})
    told = {name: facts["told"] for name, facts in methods.items() if facts.get("told")}
    return Run(
        manifest=read_manifest(set_folder),
        options=options,
        records=records,
        scores=score_arrays(records, list(methods), told),
        told=told,
    )


def _first_text(tree: Any, key: str) -> str:
    if not isinstance(tree, Mapping):
        return ""
    if isinstance(tree.get(key), str):
        return tree[key]
    return next((found for branch in tree.values() if (found := _first_text(branch, key))), "")
