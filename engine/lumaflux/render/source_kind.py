"""`--source auto`: what the files say of where the picture comes from, before the model is asked."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.media.metadata.media_info import MediaInfo


def settings_for(settings: Settings, info: "MediaInfo", source: Path) -> tuple[Settings, tuple[str, ...]]:
    """The settings with the kind of source that ``info`` (of a sequence the first picture's) tells, and a note on it;
    as they are where nothing is told, or a person has said it."""
    from lumaflux.media.metadata.origin import kind_of

    if settings.source != "auto" or settings.strength == 0.0 or settings.auto_tone == 0.0:
        return settings, ()
    found = kind_of(info)
    if found is None:
        return settings, ()
    kind, fact = found
    word = {"camera": "camera material", "graded": "a graded master"}[kind]
    return replace(settings, source=kind), (f"{source} is read as {word}, by {fact}; --source says otherwise.",)
