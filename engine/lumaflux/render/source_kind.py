"""`--source auto`: what the files say of where the picture comes from, before the model is asked."""

from dataclasses import replace
from pathlib import Path

from lumaflux.settings import Settings


def settings_for(settings: Settings, source: Path) -> tuple[Settings, tuple[str, ...]]:
    """The settings with the kind of source that the file of ``source`` (of a sequence the first) tells, and a note on
    it; as they are where nothing is told, or a person has said it."""
    from lumaflux.media.metadata.info import probe
    from lumaflux.media.metadata.origin import kind_of
    from lumaflux.media.stills.sequence_path import SequencePath

    if settings.source != "auto" or settings.strength == 0.0 or settings.auto_tone == 0.0:
        return settings, ()
    pattern = SequencePath.parse(source)
    found = kind_of(probe(source if pattern is None else pattern.file(pattern.numbers()[0])))
    if found is None:
        return settings, ()
    kind, fact = found
    word = {"camera": "camera material", "graded": "a graded master"}[kind]
    return replace(settings, source=kind), (f"{source} is read as {word}, by {fact}; --source says otherwise.",)
