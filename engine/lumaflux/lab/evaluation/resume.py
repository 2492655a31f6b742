"""Takes up the folder of a benchmark run: what is whole there is kept, if it was made under the same options."""

import json
from pathlib import Path
from typing import Any

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.evaluate import write_json
from lumaflux.lab.evaluation.records import OPTIONS, RESULTS, Record, read_records, replace_records
from lumaflux.lab.evaluation.units import Unit


def read_options(out: Path) -> dict[str, Any]:
    """How a run was made. Raises UserError when there is none."""
    path = out / OPTIONS
    try:
        options = json.loads(path.read_text())
        if not {"set", "scores", "software", "methods"} <= options.keys():
            raise ValueError
        return options
    except OSError:
        raise UserError(f"{out} holds no run (no {OPTIONS}); make one with: lumaflux luma-eval run") from None
    except (ValueError, AttributeError):
        raise UserError(f"{path} is damaged; run again with --fresh") from None


def take_up(out: Path, options: dict[str, Any], units: list[Unit], *, fresh: bool) -> tuple[list[Unit], int]:
    """Makes ``out`` ready; the units that are still to do, and how many frames are kept of the others."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out} cannot be made: {error.strerror}; choose another folder") from None
    names = set(options["methods"])
    earlier = _earlier(out, options, names, fresh=fresh)
    options["methods"] = (earlier["methods"] if earlier else {}) | options["methods"]
    records = read_records(out / RESULTS) if earlier and (out / RESULTS).is_file() else []
    if fresh:
        records = [record for record in records if record.method not in names]
    by_unit: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        by_unit.setdefault((record.method, record.clip), []).append(record)
    missing, kept = [], 0
    for unit in units:
        found = by_unit.get((unit.method, unit.clip.name), [])
        if _whole(found, unit):
            kept += unit.frames
        else:
            missing.append(unit)
            by_unit.pop((unit.method, unit.clip.name), None)
    replace_records(out / RESULTS, (record for group in by_unit.values() for record in group))
    write_json(out / OPTIONS, options)
    return missing, kept


def _earlier(out: Path, options: dict[str, Any], names: set[str], *, fresh: bool) -> dict[str, Any] | None:
    """The options of the run in ``out`` if it can go on under ``options``; raises UserError when it cannot."""
    if not (out / OPTIONS).exists() and not (out / RESULTS).exists():
        return None
    try:
        earlier = read_options(out)
    except UserError:
        if fresh:
            return None
        raise
    other = [part for part in ("set", "scores", "software") if earlier[part] != options[part]]
    if other and not fresh:
        said = "; ".join(_difference(part, earlier[part], options[part]) for part in other)
        raise UserError(f"{out} was made otherwise ({said}); choose another folder, or start over with --fresh")
    if other:
        return None
    for name in names & earlier["methods"].keys():
        before, now = ({**side["methods"][name], "specification": ""} for side in (earlier, options))
        if before != now and not fresh:
            raise UserError(
                f"{out} has results of another {name} ({_difference('method', before, now)}); rename it with "
                "--method NAME=..., or score it anew with --fresh"
            )
    return earlier


def _whole(records: list[Record], unit: Unit) -> bool:
    frames = [record.frame for record in records]
    wanted = unit.keys()
    return len(frames) == len(wanted) and set(frames) == set(wanted) and not any(record.error for record in records)


def _difference(part: str, before: dict[str, Any], now: dict[str, Any]) -> str:
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return f"{part}: {', '.join(f'{key} {_short(before.get(key))}, now {_short(now.get(key))}' for key in keys)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 24 else f"{text[:20]}..."
