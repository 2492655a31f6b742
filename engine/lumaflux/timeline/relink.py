"""Writes a timeline anew with some clips pointing at rendered media; the timeline that was read stays as it is."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumaflux.media.atomic_file import AtomicFile
from lumaflux.timeline.effect import is_lumaflux
from lumaflux.timeline.media import Media
from lumaflux.timeline.timeline import TimelineClip, opentimelineio

KEY = "lumaflux"  # in the metadata of clips and references


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A clip and the file that holds its frames: ``first`` is the source frame that the file begins with."""

    clip: TimelineClip
    path: Path
    first: int
    frames: int
    facts: Mapping[str, Any] = field(default_factory=dict)


def relink(timeline: Any, rendered: Sequence[Rendered]) -> Any:
    """A copy of ``timeline`` whose clips show ``rendered`` at the same places, without the effect they stand for.

    Times of a rendered file begin at 0, as the file's own do. An effect that lay on a track or a stack moves to those
    clips in it that were not rendered.
    """
    copy = timeline.deepcopy()
    originals, copies = list(timeline.find_clips()), list(copy.find_clips())
    found = {id(entry.clip.clip): entry for entry in rendered}
    done = [(relinked, found.get(id(clip))) for clip, relinked in zip(originals, copies, strict=True)]
    _lower_effects([relinked for relinked, entry in done if entry], [relinked for relinked, entry in done if not entry])
    for relinked, entry in done:
        if entry is not None:
            _relink_clip(relinked, entry)
    return copy


def write_timeline(timeline: Any, target: Path, *, overwrite: bool, sources: tuple = ()) -> None:
    """As OpenTimelineIO's JSON, whole or not at all. Raises UserError as AtomicFile does."""
    with AtomicFile(target, overwrite=overwrite, sources=sources) as file:
        opentimelineio().adapters.write_to_file(timeline, os.fspath(file.partial), adapter_name="otio_json")


def _relink_clip(clip: Any, entry: Rendered) -> None:
    otio = opentimelineio()
    times, media, before = clip.trimmed_range(), entry.clip.media, clip.media_reference
    start = media.frame_at(times.start_time, times.start_time, 1) - entry.first
    clip.source_range = otio.opentime.TimeRange(_time(start, media, times.duration.rate), times.duration)
    available = before.available_range
    rate = available.duration.rate if available and media.same_rate(available.duration.rate) else media.rate
    url = getattr(before, "target_url", None) or getattr(before, "target_url_base", "")
    path = entry.path.resolve()
    after = otio.schema.ExternalReference(
        target_url=path.as_uri() if url.startswith("file:") else str(path),
        available_range=otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, rate), otio.opentime.RationalTime(entry.frames, rate)
        ),
    )
    after.name = entry.path.name
    after.metadata[KEY] = {"source": str(media.path), "first_frame": entry.first, **entry.facts}
    clip.media_reference = after
    _keep(clip, [effect for effect in clip.effects if not is_lumaflux(effect)])


def _time(frames: float, media: Media, rate: float) -> Any:
    otio = opentimelineio()
    if media.same_rate(rate):
        return otio.opentime.RationalTime(frames, rate)
    return otio.opentime.RationalTime(frames, media.rate).rescaled_to(rate)


def _lower_effects(rendered: list[Any], left: list[Any]) -> None:
    """From what surrounds ``rendered`` clips, down to the ``left`` ones inside of it that have none of their own."""
    for clip in rendered:
        holder = clip.parent()
        while holder is not None:
            ours = [effect for effect in holder.effects if is_lumaflux(effect)]
            if ours:
                _keep(holder, [effect for effect in holder.effects if not is_lumaflux(effect)])
                for other in left:
                    if _inside(other, holder) and not any(is_lumaflux(effect) for effect in other.effects):
                        other.effects.append(ours[0].deepcopy())
            holder = holder.parent()


def _keep(item: Any, effects: list[Any]) -> None:
    item.effects[:] = effects


def _inside(item: Any, holder: Any) -> bool:
    while (item := item.parent()) is not None:
        if item is holder:
            return True
    return False
