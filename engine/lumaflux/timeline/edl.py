"""Edit decision lists (CMX 3600), whose times count frames of a rate that they do not state: that of their media."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lumaflux.errors import UserError
from lumaflux.timeline.media import MediaError, media_of

_ANY_RATE = 60000 / 1001  # every frame of a second, and drop-frame addresses, can be read at it
_ASSUMED = 24.0  # where no media is there, which is said of every clip
_EVENT = re.compile(r"^\s*\d+\s.*\d\d:\d\d:\d\d:\d\d\s*$", re.MULTILINE)
_DROPS = re.compile(r"^\s*FCM:\s*DROP", re.MULTILINE | re.IGNORECASE)


def read_edl(path: Path, library: Any, mapped: Callable[[str], str]) -> Any:
    """The timeline, its times at the rate of the media that its clips show; ``library`` is opentimelineio.

    Raises UserError for media of several rates, and for drop-frame addresses that are written as others; what the
    library raises for a text that is no list.
    """
    text = path.read_bytes().decode("utf-8", "replace")
    if _DROPS.search(text) and _EVENT.search(text):
        raise UserError(
            f"{path} says FCM: DROP FRAME, and writes 00:00:00:00 in place of 00:00:00;00; export it anew as one of "
            "the two, for frames would be counted wrongly"
        )
    timeline = _at(library, text, _ANY_RATE, ignore_timecode_mismatch=True)
    rates: dict[float, str] = {}
    for clip in timeline.find_clips():
        try:
            media = media_of(clip, path.resolve().parent, mapped)
        except MediaError:
            continue  # it is named when its turn comes
        rates.setdefault(library.opentime.RationalTime.nearest_smpte_timecode_rate(media.rate), media.path.name)
    if len(rates) > 1:
        told = ", ".join(f"{name} {rate:.6g}" for rate, name in rates.items())
        raise UserError(
            f"{path} shows media of several rates ({told} frames/s) and states none of its own; export an .otio instead"
        )
    timeline = _at(library, text, next(iter(rates), _ASSUMED))
    for track in timeline.tracks:
        track.source_range = None  # the adapter (1.0) writes a range that begins before the track does
    return timeline


def _at(library: Any, text: str, rate: float, **asked: bool) -> Any:
    return library.adapters.read_from_string(text, "cmx_3600", rate=rate, **asked)
