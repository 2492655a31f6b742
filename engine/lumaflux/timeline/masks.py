"""A folder of masks for the media of a timeline: which belongs to which, by their names."""

import re
from collections.abc import Collection
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.media.stills.folder import STILL_SUFFIXES

_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d+)")
_SHOWN = 5  # names in a sentence


def mask_of(folder: Path, media: str) -> Path | None:
    """The mask of the media of that stem: a file of the same stem, else the numbered pictures of the same name, as a
    sequence is called. None where there is none. Raises UserError for two."""
    files = _files(folder)
    found = [path for path in files if path.stem == media] or _sequences(files).get(media, [])
    if len(found) > 1:
        raise UserError(f"{folder} has {len(found)} masks for {media}; leave one")
    return found[0] if found else None


def unused_masks(folder: Path, media: Collection[str]) -> list[str]:
    """The masks of ``folder`` that belong to none of these media, by the names to show.

    Raises UserError where not one of them belongs to any: rendered without, everything would be unmasked.
    """
    files = _files(folder)
    numbered = {base: paths for base, paths in _sequences(files).items() if base not in {path.stem for path in files}}
    of_sequences = {path for base in numbered for path in files if _base(path) == base}
    names = {path.name: path.stem for path in files if path not in of_sequences or path.stem in media}
    names |= {path.name: base for base, paths in numbered.items() for path in paths}
    unused = sorted(name for name, stem in names.items() if stem not in media)
    if len(unused) == len(names):
        wanted = sorted(media)
        more = ", ..." if len(wanted) > _SHOWN else ""
        raise UserError(
            f"{folder} holds no mask of the timeline's media; name masks as these: {', '.join(wanted[:_SHOWN])}{more}"
        )
    return unused


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _base(path: Path) -> str | None:
    """What a numbered picture's name begins with, without what parts it from the number."""
    found = _NUMBERED.fullmatch(path.stem)
    return found["before"].rstrip("._-") if found and path.suffix.lower() in STILL_SUFFIXES else None


def _sequences(files: list[Path]) -> dict[str, list[Path]]:
    """Numbered pictures by what their names begin with, each sequence as ``shot.%04d.png``."""
    digits: dict[tuple[str, Path, str], int] = {}
    for path in files:
        base, found = _base(path), _NUMBERED.fullmatch(path.stem)
        if base and found:
            key = (base, path.with_name(found["before"]), path.suffix)
            digits[key] = min(digits.get(key, 12), len(found["number"]))
    named: dict[str, list[Path]] = {}
    for (base, before, suffix), width in digits.items():
        named.setdefault(base, []).append(before.with_name(f"{before.name}%0{width}d{suffix}"))
    return named
