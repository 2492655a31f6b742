"""How deep a timeline's file is nested, before it is read: OpenTimelineIO's reader and its compositions call themselves
for every level, and end the process when the stack is full."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lumaflux.errors import UserError

DEEPEST = 400  # braces and brackets within each other; a stack in a stack takes two
_INSIDE = "content.otio"  # of an .otioz or an .otiod
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]+|[\]}]+', re.DOTALL)


def refuse_deep_nesting(path: Path) -> None:
    """Raises UserError for a file that is nested deeper than DEEPEST. What is no such file is for the reader to say."""
    depth = 0
    for token in _tokens(path):
        if token.startswith(b'"'):
            continue
        depth += len(token) if token[:1] in b"[{" else -len(token)
        if depth > DEEPEST:
            raise UserError(f"{path} nests deeper than {DEEPEST} levels; flatten its compound clips and export anew.")


def _tokens(path: Path) -> Iterator[bytes]:
    try:
        if path.suffix.lower() == ".otioz":
            with zipfile.ZipFile(path) as archive:
                text = archive.read(_INSIDE)
        else:
            text = (path / _INSIDE if path.is_dir() else path).read_bytes()
    except (OSError, KeyError, zipfile.BadZipFile):
        return
    yield from (found.group() for found in _TOKENS.finditer(text))
