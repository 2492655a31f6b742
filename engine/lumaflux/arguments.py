"""Arguments of what runs as ``python -m lumaflux.lab...``: numbers within bounds, sizes, files that are there.

Each is the ``type`` of an argument; argparse tells what is wrong below the usage, with exit code 2.
"""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

_Value = TypeVar("_Value")
_MOST = 10**9


def whole(low: int = 1, high: int = _MOST) -> Callable[[str], int]:
    """A whole number, bounds included."""

    def parsed(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ArgumentTypeError(f"'{text}' is no whole number from {low} to {high}")
        return value

    return parsed


def number(low: float, high: float = _MOST) -> Callable[[str], float]:
    """A number, bounds included."""

    def parsed(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ArgumentTypeError(f"'{text}' is no number from {low:g} to {high:g}")
        return value

    return parsed


def one_of(words: Collection[str]) -> Callable[[str], str]:
    """One of these words: ``choices`` for parts of a list."""

    def parsed(text: str) -> str:
        if text not in words:
            raise ArgumentTypeError(f"'{text}' is none of {', '.join(words)}")
        return text

    return parsed


def size(multiple: int = 1) -> Callable[[str], tuple[int, int]]:
    """Width and height in pixels, as 1920x1080."""

    def parsed(text: str) -> tuple[int, int]:
        width, cross, height = text.partition("x")
        if not (cross and width.isdecimal() and height.isdecimal()):
            raise ArgumentTypeError(f"'{text}' is no size; write it as 1920x1080")
        found = int(width), int(height)
        if min(found) < 1 or any(side % multiple for side in found):
            raise ArgumentTypeError(f"'{text}' has a side that is no multiple of {multiple} above 0")
        return found

    return parsed


def listed(one: Callable[[str], _Value]) -> Callable[[str], list[_Value]]:
    """Several, with commas between them."""

    def parsed(text: str) -> list[_Value]:
        return [one(part.strip()) for part in text.split(",")]

    return parsed


def file_there(text: str) -> Path:
    """A file that is read."""
    if not text or not Path(text).is_file():
        raise ArgumentTypeError(f"'{text}' is no file")
    return Path(text)


def folder_there(text: str) -> Path:
    """A folder that is read."""
    if not text or not Path(text).is_dir():
        raise ArgumentTypeError(f"'{text}' is no folder")
    return Path(text)


def new_file(text: str) -> Path:
    """A file that is written, into a folder that is there."""
    path = Path(text)
    if not text or path.is_dir() or not path.parent.is_dir():
        raise ArgumentTypeError(f"'{text}' cannot be written; name a file in a folder that is there")
    return path
