"""Pairs named one by one: JSON lines {"name", "prediction"[, "reference", "sdr"]}, paths relative to the file."""

from pathlib import Path
from typing import Any

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.methods.stored import json_lines
from lumaflux.lab.evaluation.pairs import Pair, find_pictures


def pairs_of_manifest(file: Path, references: Path | None = None, sdr: Path | None = None) -> list[Pair]:
    """One pair a line, in order of name. A reference or SDR source that a line does not name is looked up by its
    ``name`` among the file stems of ``references`` and ``sdr``; references without a line are pairs without prediction.

    Raises UserError for a line that is none, that says a name twice, or that has no reference.
    """
    wanted = find_pictures(references) if references is not None else {}
    sources = find_pictures(sdr) if sdr is not None else {}
    pairs: dict[str, Pair] = {}
    for number, line in json_lines(file):
        where = f"{file}, line {number},"
        name = line.get("name")
        if not isinstance(name, str) or not isinstance(line.get("prediction"), str):
            raise UserError(f'{where} must be {{"name": text, "prediction": path}}, with "reference" and "sdr" beside')
        if name in pairs:
            raise UserError(f"{where} names {name} a second time; keep one")
        reference = _named(file, line, "reference", where) or wanted.get(name)
        if reference is None:
            raise UserError(f'{where} has no "reference" for {name}; add it, or name the directory with --references')
        prediction = _named(file, line, "prediction", where)
        source = _named(file, line, "sdr", where) or sources.get(name)
        pairs[name] = Pair(name=name, prediction=prediction, reference=reference, sdr=source)
    for name in wanted.keys() - pairs.keys():
        pairs[name] = Pair(name=name, prediction=None, reference=wanted[name], sdr=sources.get(name))
    return [pairs[name] for name in sorted(pairs)]


def _named(file: Path, line: dict[str, Any], key: str, where: str) -> Path | None:
    value = line.get(key)
    if value is not None and not isinstance(value, str):
        raise UserError(f'{where} has a "{key}" that is no path; write it as text')
    return file.parent / value if value else None
