"""What a benchmark run leaves: one record a method and frame, one a method and clip for what needs neighbours."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lumaflux.errors import UserError

RESULTS = "results.jsonl"
OPTIONS = "options.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    """``frame`` is None for the scores of a whole clip (temporal ones). ``scores`` is empty where ``error`` is set.

    A score is a number, None (no meaning here), "infinite" or "unavailable".
    """

    method: str
    clip: str
    sequence: str
    scene: str
    split: str
    content: str
    rendering: str
    crf: int | None
    frame: int | None
    scores: dict[str, Any]
    error: str | None = None


def read_records(path: Path) -> list[Record]:
    """All records of ``results.jsonl``; a last line cut short by a kill is left out.

    Raises UserError when it cannot be read.
    """
    try:
        lines = path.read_text().splitlines(keepends=True)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); run the benchmark first") from None
    names = {field.name for field in fields(Record)}
    records = []
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            break
        try:
            content = json.loads(line)
            records.append(Record(**{name: content[name] for name in names}))
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{path}, line {number}, is not a benchmark record; remove the line and run again"
            ) from None
    return records


def append_records(path: Path, records: Iterable[Record]) -> None:
    """Appends and flushes to disk, so that a kill loses at most the clip in work."""
    import os

    with path.open("a") as file:
        file.writelines(json.dumps(asdict(record)) + "\n" for record in records)
        file.flush()
        os.fsync(file.fileno())


def replace_records(path: Path, records: Iterable[Record]) -> None:
    """Writes the file anew, whole or not at all."""
    from lumaflux.media.atomic_file import AtomicFile

    with AtomicFile(path, overwrite=True) as file, file.partial.open("w") as lines:
        lines.writelines(json.dumps(asdict(record)) + "\n" for record in records)
