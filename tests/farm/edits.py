"""Timelines of the tests, built with OpenTimelineIO as editors build them."""

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

RATE = 24


def time(frames, rate: float = RATE):
    return RationalTime(frames, rate)


def span(start, frames, rate: float = RATE):
    return TimeRange(time(start, rate), time(frames, rate))


def reference(path, available=None):
    return otio.schema.ExternalReference(target_url=str(path), available_range=available)


def clip(name, path, source_range=None, effects=(), available=None):
    media = path if isinstance(path, otio.core.MediaReference) else reference(path, available)
    return otio.schema.Clip(name=name, media_reference=media, source_range=source_range, effects=list(effects))


def effect(**values):
    """As a plain tool writes it: the effect's name, its values in the metadata."""
    return otio.schema.Effect(name="LumaFlux ITM", effect_name="LumaFlux ITM", metadata={"parameters": values})


def resolve_effect(enabled=True, key_frames=None, **values):
    """As DaVinci Resolve writes effects: one name for all, a table Resolve_OTIO with a list of parameters."""
    listed = [
        {
            "Default Parameter Value": 0,
            "Key Frames": (key_frames or {}).get(name, {}),
            "Parameter ID": name,
            "Parameter Value": value,
            "Variant Type": "Double",
            "maxValue": 100.0,
            "minValue": 0.0,
        }
        for name, value in values.items()
    ]
    kept = {
        "Effect Name": "LumaFlux ITM",
        "Enabled": enabled,
        "Name": "LumaFlux ITM",
        "Parameters": listed,
        "Type": 13,
    }
    return otio.schema.Effect(name="", effect_name="Resolve Effect", metadata={"Resolve_OTIO": kept})


def timeline(*tracks, name="reel"):
    """Each track a list of items, or a Track."""
    made = otio.schema.Timeline(name=name)
    for number, items in enumerate(tracks, 1):
        if isinstance(items, otio.schema.Track):
            made.tracks.append(items)
            continue
        track = otio.schema.Track(name=f"V{number}", kind=otio.schema.TrackKind.Video)
        track.extend(items)
        made.tracks.append(track)
    return made


def save(made, path):
    otio.adapters.write_to_file(made, str(path))
    return path
