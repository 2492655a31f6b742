"""Numbered files as editors and farms name them, beyond what `sequence_path` takes: ``name.[1001-1100].ext`` too."""

import re
from pathlib import Path

_NUMBERED = (
    re.compile(r"^(?P<before>.*?)\[(?P<first>\d+)-\d+\](?P<after>.*)$"),  # as Resolve writes a sequence
    re.compile(r"^(?P<before>.*?)%0?(?P<width>\d*)d(?P<after>.*)$"),
    re.compile(r"^(?P<before>.*?)(?P<hashes>#+|@+)(?P<after>.*)$"),
)


def numbering(path: Path) -> re.Match | None:
    """The parts of a file name that stands for numbered files; None for the name of one file."""
    return next((found for form in _NUMBERED if (found := form.match(path.name))), None)


def numbered_pattern(path: Path) -> Path | None:
    """``name.####.ext``, ``name.@@@@.ext``, ``name.[1001-1100].ext`` or ``name.%04d.ext`` as the last of these."""
    found = numbering(path)
    return None if found is None else pattern_of(path, found.groupdict())


def pattern_of(path: Path, parts: dict[str, str | None]) -> Path:
    """``name.%04d.ext`` of the parts that ``numbering`` found."""
    width = len(parts.get("first") or parts.get("hashes") or "") or int(parts.get("width") or 0)
    return path.with_name(f"{parts['before']}%{f'0{width}' if width else ''}d{parts['after']}")


def sequence_numbers(pattern: Path) -> list[int]:
    """The numbers for which a file of the sequence ``name.%04d.ext`` is there, ascending."""
    found = re.match(r"^(.*)%0?(\d*)d(.*)$", pattern.name)
    if found is None or not pattern.parent.is_dir():
        return []
    before, width, after = found[1], int(found[2] or 1), found[3]
    number = re.compile(re.escape(before) + rf"(\d{{{width},}})" + re.escape(after))
    names = (number.fullmatch(path.name) for path in pattern.parent.iterdir())
    return sorted({int(name[1]) for name in names if name and name[1] == f"{int(name[1]):0{width}d}"})
