"""The name of a numbered sequence: ``shot.%04d.exr``, ``shot.####.exr`` or ``shot.@.exr``."""

import re
from dataclasses import dataclass
from pathlib import Path

from lumaflux.errors import UserError

_NUMBER = re.compile(r"%0?(?P<width>\d*)d|\[(?P<first>\d+)-\d+\]|#+(?![#\d])|@+(?![@\d])")  # "take #1" numbers nothing


@dataclass(frozen=True, kw_only=True)
class SequencePath:
    """``digits`` is the least width of a number: 1 for ``@``, ``#`` and ``%d``, 4 for ``####`` and ``%04d``."""

    pattern: Path
    before: str
    digits: int
    after: str
    sign: str = "%"  # what stands for the number
    first: int | None = None

    @property
    def may_be_a_name(self) -> bool:
        """Whether a single ``#`` or ``@`` stands for the number: people's file names have such, too."""
        return self.sign in ("#", "@")

    @classmethod
    def parse(cls, path: Path) -> "SequencePath | None":
        """None when ``path`` names one file. Raises UserError for two numbers in a name."""
        found = list(_NUMBER.finditer(path.name))
        if not found or path.is_file():
            return None
        if len(found) > 1:
            raise UserError(f"{path} has two places for the frame's number; leave one")
        (place,) = found
        width, first = place["width"], place["first"]
        digits = len(first or place[0]) if width is None else int(width or 1)
        if not 1 <= digits <= 12:
            raise UserError(f"{path} asks for numbers of {digits} digits; 1 to 12 are usual")
        start, end = place.span()
        return cls(
            pattern=path,
            before=path.name[:start],
            digits=digits,
            after=path.name[end:],
            sign=place[0],
            first=None if first is None else int(first),
        )

    @property
    def printf(self) -> Path:
        """The same name as ``shot.%04d.exr``."""
        return self.pattern.with_name(f"{self.before}%{f'0{self.digits}' if self.digits > 1 else ''}d{self.after}")

    def file(self, number: int) -> Path:
        """The file of one frame."""
        sign, size = ("-", abs(number)) if number < 0 else ("", number)
        return self.pattern.with_name(f"{self.before}{sign}{size:0{self.digits}d}{self.after}")

    def numbers(self) -> list[int]:
        """The frames that are there, in order; of two files with one number (``7`` and ``0007``) that of ``file``."""
        if not self.pattern.parent.is_dir():
            raise UserError(f"{self.pattern} names no pictures: there is no directory {self.pattern.parent}")
        shape = re.compile(re.escape(self.before) + r"(-?\d+)" + re.escape(self.after))
        matches = (shape.fullmatch(entry.name) for entry in self.pattern.parent.iterdir())
        numbers = sorted({int(match[1]) for match in matches if match and self.file(int(match[1])).name == match[0]})
        if not numbers:
            raise UserError(f"{self.pattern} names no pictures: none of that name is in {self.pattern.parent}")
        return numbers
