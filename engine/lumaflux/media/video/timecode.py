"""SMPTE 12M time addresses: ``01:00:00;02`` and so many frames later."""

import re
from fractions import Fraction

_FORM = re.compile(r"^\s*(\d{1,2}):(\d{2}):(\d{2})([:;.])(\d{2,3})\s*$")


def later(timecode: str, frames: int, rate: Fraction) -> str | None:
    """The address ``frames`` frames after ``timecode`` at ``rate`` frames/s; None for what is no address.

    Drop-frame addresses (``;`` or ``.``) leave out two numbers (four at 60) at each minute but the tenth (ST 12-1 5.2).
    """
    found = _FORM.match(timecode)
    nominal = round(rate)
    if found is None or nominal < 1:
        return None
    hours, minutes, seconds, number = (int(found[group]) for group in (1, 2, 3, 5))
    if number >= nominal or minutes > 59 or seconds > 59:
        return None
    dropped = round(nominal / 15) if found[4] in ";." else 0
    whole_minutes = 60 * hours + minutes
    count = (60 * whole_minutes + seconds) * nominal + number - dropped * (whole_minutes - whole_minutes // 10)
    count += frames
    minute, ten = 60 * nominal - dropped, 600 * nominal - 9 * dropped
    count %= 144 * ten  # a day
    tens, left = divmod(count, ten)
    if dropped and left >= 60 * nominal:
        count += dropped * (9 * tens + 1 + (left - 60 * nominal) // minute)
    elif dropped:
        count += dropped * 9 * tens
    seconds, number = divmod(count, nominal)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{found[4]}{number:02d}"
