"""The media that a clip of a timeline refers to: a video file or a numbered sequence, and which frames it has."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlparse

from lumaflux.errors import UserError
from lumaflux.media.stills.sequence_path import SequencePath

_VIDEOS = (".mp4", ".mov", ".mkv", ".m4v", ".mxf", ".mts", ".m2ts", ".avi", ".webm")
_SHOWN = 120  # characters of an address in a message
_SAME_RATE = 2e-3  # editors write 24 where they mean 24000/1001: frames are counted then, not seconds


class MediaError(Exception):
    """The media of a clip cannot be used; the message is a clause that follows the clip's name."""


@dataclass(frozen=True, kw_only=True)
class Media:
    """``path``: the video file, or a sequence as ``name.%04d.ext``. Frames are 0-based in a video, file numbers else,
    and ``numbers`` those that are there.

    ``start``: the time of frame ``first`` in the media's own time, in frames at ``rate`` per second.
    """

    path: Path
    kind: Literal["video", "sequence"]
    rate: float
    first: int
    last: int
    start: float = 0.0
    numbers: tuple[int, ...] = ()

    def file(self, number: int) -> Path:
        """The picture of a sequence with that number."""
        return self.path.with_name(self.path.name % number)

    def frames_in(self, time: Any) -> float:
        """An OpenTimelineIO RationalTime in frames of this media."""
        return time.value if self.same_rate(time.rate) else time.rescaled_to(self.rate).value

    def same_rate(self, rate: float) -> bool:
        """Whether frames at ``rate`` are this media's frames."""
        return abs(rate / self.rate - 1) < _SAME_RATE

    def frame_at(self, begin: Any, shown: Any, scalar: float) -> float:
        """The frame seen at ``shown`` by a clip whose source range begins at ``begin`` and plays at ``scalar``."""
        return self.first + self.frames_in(begin) - self.start + self.frames_in(shown - begin) * scalar


def media_of(clip: Any, folder: Path, mapped: Callable[[str], str]) -> Media:
    """The active media reference of a clip, found on this machine. Raises MediaError."""
    reference = clip.media_reference
    if reference is None or reference.is_missing_reference:
        return _named(clip.name, folder)
    kind = reference.schema_name()
    if kind == "ImageSequenceReference":
        return _image_sequence(reference, folder, mapped)
    if kind != "ExternalReference":
        raise MediaError(f"its media is made by the editor ({kind})")
    path = _local(reference.target_url, folder, mapped)
    if not path.exists() and (pattern := _pattern(path)):
        return _numbered(pattern, reference)
    if not path.exists():
        raise MediaError(f"its media {path} is missing")
    return _video(path, reference)


def _named(name: str, folder: Path) -> Media:
    """The media of a clip that has its name alone, as those of edit decision lists have: a file of that name beside the
    timeline, whose times count from the file's own timecode."""
    there = sorted(path for path in folder.iterdir() if name and path.is_file() and name in (path.name, path.stem))
    there = [path for path in there if path.suffix.lower() in _VIDEOS]
    if len(there) != 1:
        found = f"{len(there)} files of its name lie" if there else f"no video named '{name}' lies"
        raise MediaError(f"the timeline holds no media reference for it, and {found} beside the timeline")
    media = _video(there[0], None)
    return replace(media, start=_timecode_of(there[0], media.rate))


def _timecode_of(path: Path, rate: float) -> float:
    """Frames from midnight to a file's first; 0 where it states no timecode."""
    import av
    import opentimelineio as otio

    with av.open(str(path)) as container:
        tables = [*(stream.metadata for stream in container.streams), container.metadata]
    stated = next((table["timecode"] for table in tables if "timecode" in table), None)
    try:
        return 0.0 if stated is None else float(otio.opentime.from_timecode(stated, rate).value)
    except ValueError:
        raise MediaError(f"its media {path} states a timecode, {stated}, that is none at {rate:.6g} frames/s") from None


def _local(url: str, folder: Path, mapped: Callable[[str], str]) -> Path:
    """A path on this machine: file URLs are decoded, plain paths taken as they are if they exist so."""
    try:
        return _found(url, folder, mapped)
    except (OSError, ValueError) as error:  # no address, or longer than any name
        shown = url if len(url) <= _SHOWN else f"{url[:_SHOWN]}..."
        raise MediaError(
            f"its media {shown} cannot be looked for ({getattr(error, 'strerror', None) or error})"
        ) from None


def _found(url: str, folder: Path, mapped: Callable[[str], str]) -> Path:
    parsed = urlparse(url)
    windows = re.match(r"^[A-Za-z]:[\\/]", url)
    if parsed.scheme and parsed.scheme != "file" and not windows:
        raise MediaError(f"its media {url} is not a local file")
    plain = parsed.path if parsed.scheme == "file" else url
    if re.match(r"^/[A-Za-z]:/", plain):
        plain = plain[1:]
    candidates = [folder / mapped(text) for text in (plain, unquote(plain))]
    return next((path for path in candidates if path.exists()), candidates[parsed.scheme == "file"])


def _video(path: Path, reference: Any) -> Media:
    from lumaflux.media.metadata.info import probe

    try:
        info = probe(path)
    except UserError as error:
        raise MediaError(f"its media cannot be read: {error}") from None
    available = None if reference is None else reference.available_range
    if info.kind == "still":
        raise MediaError(f"its media {path} is a still picture; turn that with `lumaflux convert`")
    if info.variable_frame_rate:
        raise MediaError(f"its media {path} has a variable frame rate, so frames of the timeline are none of its own")
    rate = float(info.frame_rate or (available.duration.rate if available else 0))
    if rate <= 0:
        raise MediaError(f"its media {path} states no frame rate")
    count = info.frame_count or round((info.duration or 0) * rate)
    if not count and available:
        count = round(available.duration.rescaled_to(rate).value)
    return Media(path=path, kind="video", rate=rate, first=0, last=count - 1, start=_start(available, rate))


def _start(available: Any, rate: float) -> float:
    """The time of a media's first frame, in frames."""
    if available is None:
        return 0.0
    begin = available.start_time
    return begin.value if abs(begin.rate / rate - 1) < _SAME_RATE else begin.rescaled_to(rate).value


def _image_sequence(reference: Any, folder: Path, mapped: Callable[[str], str]) -> Media:
    if reference.frame_step != 1:
        raise MediaError(f"its media counts every {reference.frame_step} frames")
    base = _local(reference.target_url_base, folder, mapped)
    width = f"0{reference.frame_zero_padding}" if reference.frame_zero_padding else ""
    path = base / f"{reference.name_prefix}%{width}d{reference.name_suffix}"
    rate = reference.rate or 24.0
    return _sequence(path, rate, reference.start_frame, _start(reference.available_range, rate))


def _pattern(path: Path) -> SequencePath | None:
    try:
        return SequencePath.parse(path)
    except UserError as error:
        raise MediaError(f"its media is not named as a sequence is: {error}") from None


def _numbered(pattern: SequencePath, reference: Any) -> Media:
    available = reference.available_range
    rate = available.duration.rate if available else 24.0
    return _sequence(pattern.printf, rate, pattern.first, _start(available, rate))


def _sequence(path: Path, rate: float, first: int | None, start: float) -> Media:
    pattern = _pattern(path)
    try:
        numbers = pattern.numbers() if pattern else []
    except UserError:
        numbers = []
    if not numbers:
        raise MediaError(f"its media {path} is missing")
    first = numbers[0] if first is None else first
    offset = numbers[0] - first  # the beginning may have been left out on this disk
    return Media(
        path=path,
        kind="sequence",
        rate=rate,
        first=numbers[0],
        last=numbers[-1],
        start=start + offset,
        numbers=tuple(numbers),
    )
