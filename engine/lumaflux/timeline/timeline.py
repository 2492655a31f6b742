"""Editors' timelines (OpenTimelineIO): which clips are to become HDR, and which frames of which media they need."""

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumaflux.errors import MissingExtraError, UserError
from lumaflux.timeline.edl import read_edl
from lumaflux.timeline.effect import Look, look_of
from lumaflux.timeline.media import Media, MediaError, media_of
from lumaflux.timeline.trial import refuse_deep_nesting, refuse_what_ends_the_reader

_OTHERS = {
    ".fcpxml": ("XML of Final Cut Pro X", "otio-fcpx-xml-adapter"),
    ".xml": ("XML of Final Cut Pro 7", "otio-fcp-adapter"),
    ".aaf": ("AAF", "otio-aaf-adapter"),
}
_NO_LENGTH = "neither its range nor that of its media is stated; export the timeline with ranges"
_SPEEDS = ("speed", "retime", "retimecontrols", "speedchange", "timeeffect", "speedramp")


@dataclass(frozen=True, kw_only=True)
class TimelineClip:
    """One clip to render. ``first`` and ``last`` are frames of ``media``: file numbers of a sequence, 0-based else.

    ``clip`` is the OpenTimelineIO object; ``look`` is None for clips chosen by name that carry no effect.
    """

    clip: Any
    where: str
    media: Media
    first: int
    last: int
    look: Look | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A clip that was asked for and cannot be rendered; ``reason`` is a clause. ``lost``: the answer would be wrong
    without it (missing media), rather than nobody wanting it (a switched-off effect)."""

    where: str
    reason: str
    lost: bool = True


@dataclass(kw_only=True)
class Found:
    """What a timeline asks for, in the order of its tracks."""

    clips: list[TimelineClip] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A clip as a composition shows it.

    Attributes:
        clip: The OpenTimelineIO object.
        visible: The part of it that shows, in its own time; None where its length is stated nowhere.
        above: What it is nested in, the innermost first.
        where: A name for people.
    """

    clip: Any
    visible: Any
    above: tuple
    where: str


class _SkipError(Exception):
    def __init__(self, reason: str, *, lost: bool = True):
        super().__init__(reason)
        self.lost = lost


def opentimelineio() -> Any:
    """The library; raises MissingExtraError without it."""
    try:
        import opentimelineio
    except ImportError:
        raise MissingExtraError("OpenTimelineIO", "farm") from None
    return opentimelineio


def read_timeline(path: str | os.PathLike, mapped: Callable[[str], str] = lambda path: path) -> Any:
    """The one timeline of an .otio, .otioz, .otiod or .edl file; ``mapped``: as of :func:`find_clips`. Raises UserError
    where there is none or more than one."""
    otio = opentimelineio()
    if not Path(path).exists():
        raise UserError(f"{path} does not exist; check the name.")
    suffix = Path(path).suffix.lower()
    if suffix in _OTHERS and suffix[1:] not in otio.adapters.suffixes_with_defined_adapters(read=True):
        name, package = _OTHERS[suffix]
        raise UserError(
            f"{path} is {name}, whose adapter of OpenTimelineIO is not installed; export an .otio or .edl, or try: "
            f"pip install {package}"
        )
    refuse_deep_nesting(Path(path))

    def read_file() -> Any:
        if suffix == ".edl":
            return read_edl(Path(path), otio, mapped)
        return otio.adapters.read_from_file(os.fspath(path))

    refuse_what_ends_the_reader(Path(path), read_file)
    try:
        read = read_file()
    except UserError:
        raise
    except Exception as error:  # adapters raise what their parsers raise
        raise UserError(f"{path} is no timeline that OpenTimelineIO can read ({_first_line(error)}).") from error
    if isinstance(read, otio.schema.Timeline):
        return read
    search = getattr(read, "find_children", None)
    timelines = search(descended_from_type=otio.schema.Timeline) if search else []
    if not timelines:
        held = list(read) if isinstance(read, otio.schema.SerializableCollection) else [read]
        kinds = ", ".join(dict.fromkeys(f"a {_kind(item)}" for item in held)) or "nothing"
        raise UserError(f"{path} holds no timeline, but {kinds}; export the timeline that is to be rendered.")
    if len(timelines) > 1:
        raise UserError(f"{path} holds {len(timelines)} timelines; export the one that is to be rendered.")
    return timelines[0]


def _kind(item: Any) -> str:
    name = getattr(item, "schema_name", None)
    return str(name()).lower() if name else type(item).__name__


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def find_clips(
    timeline: Any,
    folder: Path,
    *,
    all_clips: bool = False,
    name: str | None = None,
    handles: int = 0,
    mapped: Callable[[str], str] = lambda path: path,
) -> Found:
    """The clips of the video tracks that carry the effect, or all of them, or those named ``name``.

    ``folder`` is where relative media lie; ``handles`` are frames wanted beyond each end, as far as the media has
    them; ``mapped`` turns a path of the timeline's machine into one of this machine. Raises UserError for a ``name``
    that no clip has.
    """
    found, named = Found(), 0
    for shown in _shown_clips(timeline.tracks, None, (), ""):
        look = look_of([shown.clip, *shown.above])
        if name is not None and shown.clip.name != name:
            continue
        named += 1
        if look is None and not all_clips and name is None:
            continue
        try:
            _refuse(shown, look)
            found.clips.append(_needed(shown, look, media_of(shown.clip, folder, mapped), handles))
        except _SkipError as skip:
            found.skipped.append(Skipped(where=shown.where, reason=str(skip), lost=skip.lost))
        except MediaError as error:
            found.skipped.append(Skipped(where=shown.where, reason=str(error)))
    if name is not None and not named:
        raise UserError(f"no clip of the timeline is named '{name}'; `lumaflux timeline show` lists them.")
    return found


def _shown_clips(composition: Any, visible: Any, above: tuple, where: str) -> Iterator[_Shown]:
    """The clips of ``visible`` of a composition, all of it if None, depth first."""
    otio = opentimelineio()
    unknown = (otio.exceptions.OTIOError, NotImplementedError)  # of a length that is stated nowhere
    if visible is None:
        with contextlib.suppress(*unknown):
            visible = None if _runs_backwards(composition) else composition.trimmed_range()
    kinds = otio.schema.TrackKind
    for number, child in enumerate(composition, 1):
        if isinstance(child, (otio.schema.Transition, otio.schema.Gap)):
            continue
        if isinstance(child, otio.schema.Track) and child.kind != kinds.Video:
            continue
        try:
            shown = _shown(composition, child, visible)
            if shown is None:
                if not _runs_backwards(child):
                    continue
                shown = child.trimmed_range() if isinstance(child, otio.schema.Clip) else None
        except unknown:
            shown = None
            with contextlib.suppress(*unknown):  # where it lies cannot be said: all of it
                shown = _shown(composition, child, None)
        label = child.name or f"{type(child).__name__.lower()} {number}"
        here = f"{where}/{label}" if where else label
        if isinstance(child, otio.schema.Clip):
            yield _Shown(clip=child, visible=shown, above=(composition, *above), where=here)
        else:
            yield from _shown_clips(child, shown, (composition, *above), here)


def _runs_backwards(item: Any) -> bool:
    """Whether it lasts less than no time, so that nothing says what of it is hidden by what is around it."""
    duration = item.trimmed_range().duration
    return duration.value < 0 or duration.rate < 0


def _shown(parent: Any, child: Any, visible: Any) -> Any:
    """The part of ``child``, in its own time, that ``visible`` of its parent leaves; None where nothing is left.

    Raises what OpenTimelineIO raises where the length of an item is stated nowhere.
    """
    otio = opentimelineio()
    placed = child.trimmed_range() if visible is None else parent.range_of_child(child)
    head, tail = parent.handles_of_child(child) if isinstance(parent, otio.schema.Track) else (None, None)
    start = placed.start_time - head if head else placed.start_time
    end = placed.end_time_exclusive() + tail if tail else placed.end_time_exclusive()
    if visible is not None:
        start, end = max(start, visible.start_time), min(end, visible.end_time_exclusive())
    if start >= end:
        return None
    own = child.trimmed_range().start_time
    return otio.opentime.range_from_start_end_time(own + (start - placed.start_time), own + (end - placed.start_time))


def _refuse(shown: _Shown, look: Look | None) -> None:
    """Raises _SkipError for what is not wanted, or cannot be rendered whatever its media."""
    if shown.visible is None:
        raise _SkipError(_NO_LENGTH)
    if not shown.clip.enabled:
        raise _SkipError("the clip is switched off", lost=False)
    if look is not None and not look.enabled:
        raise _SkipError("the effect is switched off", lost=False)
    if look is not None and look.animated:
        raise _SkipError(
            f"{', '.join(look.animated)} changes over time, which a rendering with one setting cannot show"
        )
    for holder in shown.above:
        if any(_is_time_effect(effect) for effect in holder.effects):
            raise _SkipError(f"'{holder.name}' around it changes speed, which is honoured on clips only")
    _speed(shown.clip)
    for time in (shown.visible.start_time, shown.visible.duration, shown.clip.trimmed_range().start_time):
        if not (math.isfinite(time.value) and math.isfinite(time.rate) and time.rate > 0):
            raise _SkipError(f"its place in time is {time.value:g} at {time.rate:g} frames/s, which is none")
    if shown.visible.duration.value < 0:
        raise _SkipError(f"it lasts {shown.visible.duration.value:g} frames, which is no length")


def _needed(shown: _Shown, look: Look | None, media: Media, handles: int) -> TimelineClip:
    """The frames of the media that a clip shows, and ``handles`` more on each side as far as there are any."""
    clip, scalar = shown.clip, _speed(shown.clip)
    notes = list(look.notes) if look else []
    if not (math.isfinite(media.rate) and media.rate > 0 and math.isfinite(media.start)):
        raise _SkipError(f"its media begins at {media.start:g} and has {media.rate:g} frames/s, which is no rate")
    start = media.frame_at(clip.trimmed_range().start_time, shown.visible.start_time, scalar)
    count = media.frames_in(shown.visible.duration)
    if not math.isfinite(start + count * scalar):
        raise _SkipError(f"at {scalar:g} of its speed no frame of its media is left")
    first, last = _frames(start, count, scalar)
    if scalar != 1:
        notes.append(f"plays at {scalar:g} of its speed")
    if first < media.first or last > media.last:
        notes.append("needs frames beyond the ends of its media (a transition, or a longer original)")
    first, last = max(media.first, first - handles), min(media.last, last + handles)
    if first > last:
        raise _SkipError(f"its source range lies outside of {media.path}")
    return TimelineClip(
        clip=clip, where=shown.where, media=media, first=first, last=last, look=look, notes=tuple(notes)
    )


def _frames(start: float, count: float, scalar: float) -> tuple[int, int]:
    """First and last frame that ``count`` frames of the timeline show from ``start`` on at a speed.

    Backwards: editors disagree on which end the source range begins at, so both readings are covered.
    """
    slack = 1e-6  # of rates such as 24000/1001 kept as doubles
    reach = max(count - 1, 0) * abs(scalar)
    last = math.ceil(start + reach - slack)
    if scalar < 0:
        return math.floor(start - reach + slack), last
    return math.floor(start + slack), last


def _is_time_effect(effect: Any) -> bool:
    return isinstance(effect, opentimelineio().schema.TimeEffect)


def _speed(clip: Any) -> float:
    """The product of the clip's linear time warps; 0 is a freeze frame. Raises _SkipError for other speed changes."""
    otio = opentimelineio()
    scalar = 1.0
    for effect in clip.effects:
        if isinstance(effect, otio.schema.LinearTimeWarp):
            scalar *= effect.time_scalar
        elif isinstance(effect, otio.schema.TimeEffect) or _names_a_speed(effect):
            label = getattr(effect, "effect_name", "") or getattr(effect, "name", "") or effect.schema_name()
            raise _SkipError(f"its speed change '{label}' is not linear")
    if not math.isfinite(scalar):
        raise _SkipError(f"its speed is {scalar:g}, which is no number to play at")
    return scalar


def _names_a_speed(effect: Any) -> bool:
    """Editors also write speed changes as effects, or as schemas, of their own."""
    names = [effect.schema_name(), getattr(effect, "effect_name", ""), getattr(effect, "name", "")]
    plain = ["".join(letter for letter in str(name).lower() if letter.isalpha()) for name in names]
    return any("timewarp" in name or "timeremap" in name or name in _SPEEDS for name in plain)
