"""Pairs of two timelines of one film, SDR and HDR: where both show a clip at the same time, its frames are a pair."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from lumaflux.errors import UserError
from lumaflux.timeline.timeline import TimelineClip, find_clips, read_timeline

SUFFIXES = (".otio", ".otioz", ".otiod", ".edl")
_LEAST = 2  # frames that both show


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Frames of two media that stand at the same time: ``sdr`` and ``hdr`` are files or sequences, the numbers count
    as their own frames do."""

    name: str
    sdr: Path
    hdr: Path
    sdr_frames: range
    hdr_frames: range


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """A clip in seconds of the timeline from its begin, and the media's frame that shows at the first of them."""

    clip: TimelineClip
    start: Fraction
    stop: Fraction
    first: int

    @property
    def rate(self) -> Fraction:
        return Fraction(self.clip.media.rate).limit_denominator(1001)


def is_timeline(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def stretches(sdr: Path, hdr: Path) -> list[Stretch]:
    """In the order of the SDR timeline. Raises UserError for a timeline that cannot be read, for media that are missing
    or run at different rates, and for two timelines that show nothing at the same time."""
    ones, others = _placed(sdr), _placed(hdr)
    found = []
    for one in ones:
        for other in others:
            start, stop = max(one.start, other.start), min(one.stop, other.stop)
            if stop <= start:
                continue
            where = f"{one.clip.where} of {sdr.name}"
            if abs(one.rate / other.rate - 1) > Fraction(1, 500):
                raise UserError(
                    f"{where} has {float(one.rate):.6g} frames/s, and {other.clip.media.path.name} beside it "
                    f"{float(other.rate):.6g}; pair clips of one rate"
                )
            count = round((stop - start) * one.rate)
            if count >= _LEAST:
                found.append(
                    Stretch(
                        name=one.clip.where,
                        sdr=one.clip.media.path,
                        hdr=other.clip.media.path,
                        sdr_frames=_frames(one, start, count),
                        hdr_frames=_frames(other, start, count),
                    )
                )
    if not found:
        raise UserError(f"{sdr} and {hdr} show no clip at the same time; export both from one cut")
    return found


def _frames(placed: _Placed, start: Fraction, count: int) -> range:
    first = placed.first + round((start - placed.start) * placed.rate)
    return range(first, first + count)


def _placed(path: Path) -> list[_Placed]:
    timeline = read_timeline(path)
    found = find_clips(timeline, path.resolve().parent, all_clips=True)
    if lost := [skipped for skipped in found.skipped if skipped.lost]:
        raise UserError(f"{path}: {lost[0].where}: {lost[0].reason}")
    begin = timeline.tracks.trimmed_range().start_time
    placed = []
    for clip in found.clips:
        if clip.clip.effects and any(hasattr(effect, "time_scalar") for effect in clip.clip.effects):
            continue  # frames of another speed are none of the other side's
        own = clip.clip.trimmed_range()
        shown = clip.clip.transformed_time_range(own, timeline.tracks)
        first = clip.media.frame_at(own.start_time, own.start_time, 1.0)
        start, length = _seconds(shown.start_time - begin), _seconds(shown.duration)
        placed.append(_Placed(clip=clip, start=start, stop=start + length, first=round(first)))
    return placed


def _seconds(time: Any) -> Fraction:
    return Fraction(time.value).limit_denominator(1001) / Fraction(time.rate).limit_denominator(1001)
