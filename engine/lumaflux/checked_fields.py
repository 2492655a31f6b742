"""Objects of settings and options: every value is of its field's type and within its bounds, or a sentence says so."""

import math
import numbers
import os
from collections.abc import Sequence
from dataclasses import Field, dataclass, fields
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from lumaflux.errors import UserError

_SHOWN = 60  # letters of a value
_PLAIN = 10**15  # below it a number in the place of text is taken as it prints


@dataclass(frozen=True)
class Bounds:
    """Inclusive. ``unit`` is empty where the field's name says it."""

    low: float
    high: float
    unit: str = ""


class CheckedFields:
    """A base of frozen dataclasses. A field's metadata may hold its bounds, or how it is shown with such (``control``).

    Numbers become plain ints and floats, text that names a file a path, and a number in the place of text its text, so
    that equal objects compare and print alike. Fields of other types are left to whoever reads them.

    Raises:
        UserError: A value of another type, one that is no number (NaN), or one outside of its bounds.
    """

    def __post_init__(self) -> None:
        for entry in fields(self):  # pyright: ignore[reportArgumentType] (a base of dataclasses)
            value = getattr(self, entry.name)
            found = checked(value, entry)
            if found is not value:
                object.__setattr__(self, entry.name, found)


def checked(value: Any, entry: Field[Any]) -> Any:
    """``value`` as the field has it. Raises UserError for what it cannot take."""
    kind, optional = _kind(entry.type)
    if value is None and optional:
        return None
    name, bounds = _name(entry), entry.metadata.get("control") or entry.metadata.get("bounds")
    if get_origin(kind) is Literal:
        return _word(value, name, get_args(kind))
    if kind in (int, float):
        return _number(value, name, kind, bounds)
    if kind is bool and not isinstance(value, bool):
        raise UserError(f"{name} is {_shown(value)}; give True or False")
    if kind is str:
        return _text(value, name)
    if kind is Path:
        if not isinstance(value, (str, os.PathLike)) or not str(value):
            raise UserError(f"{name} is {_shown(value)}; name a file")
        return value if isinstance(value, Path) else Path(value)
    if get_origin(kind) is tuple:
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            raise UserError(f"{name} is {_shown(value)}; give a list of texts")
        return tuple(_text(one, name) for one in value)
    return value


@cache
def _kind(annotated: Any) -> tuple[Any, bool]:
    """A field's type without what stands around it, and whether it may be None."""
    if get_origin(annotated) is Annotated:
        return _kind(get_args(annotated)[0])
    if get_origin(annotated) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotated) if kind is not NoneType]
        return (_kind(kinds[0])[0] if len(kinds) == 1 else None), NoneType in get_args(annotated)
    return annotated, False


def _name(entry: Field[Any]) -> str:
    control = entry.metadata.get("control")
    return control.label.lower() if control is not None else f"--{entry.name.replace('_', '-')}"


def _number(value: Any, name: str, kind: type, bounds: Any) -> Any:
    low, high = (-math.inf, math.inf) if bounds is None else (bounds.low, bounds.high)
    unit = f" {bounds.unit}" if bounds is not None and bounds.unit else ""
    between = f"between {low:.15g} and {high:.15g}{unit}"
    if not _is_number(value):
        raise UserError(f"{name} is {_shown(value)}; give a number {between}")
    if not low <= value <= high:  # neither is NaN
        raise UserError(f"{name} is {_shown(value)}; it must be {between}")
    if kind is float:
        return value if type(value) is float else float(value)
    if value != math.floor(value):
        raise UserError(f"{name} is {_shown(value)}; give a whole number {between}")
    return value if type(value) is int else int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _word(value: Any, name: str, words: tuple[Any, ...]) -> Any:
    if not isinstance(value, str) or value not in words:
        raise UserError(f"{name.removeprefix('--')} is {_shown(value)}; choose one of {', '.join(words)}")
    return value


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if _is_number(value) and abs(value) < _PLAIN:
        return str(value)
    raise UserError(f"{name} is {_shown(value)}; give a text")


def _shown(value: Any) -> str:
    """A value in a sentence, on one line and shortened."""
    try:
        text = str(value) if isinstance(value, numbers.Real) else " ".join(repr(value).split())
    except ValueError:  # Python's limit of digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
