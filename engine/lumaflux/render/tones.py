"""Which tone each frame gets: that of a tone track, found on the whole input or read from a file, or its own."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lumaflux.errors import UserError
from lumaflux.render.analysis import check_clip, check_model, track_of
from lumaflux.render.job import Job, Progress
from lumaflux.render.model_identity import weights_of
from lumaflux.render.source_kind import settings_for
from lumaflux.render.sources import open_source
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter
    from lumaflux.inference.tone import Tone
    from lumaflux.inference.tone_track import ToneTrack
    from lumaflux.media.stills.ocio_spaces import OcioSpaces

NONE = "none"


@dataclass(frozen=True)
class Tones:
    """``track`` is None where every frame has its own tone; ``numbers`` are those of the input's frames in order, where
    they do not count from 0."""

    track: "ToneTrack | None" = None
    numbers: list[int] | None = None

    def at(self, number: int, settings: Settings) -> "tuple[Settings, Tone | None]":
        """What the frame of that number in the source is rendered with."""
        if self.track is None:
            return settings, None
        place = self._place(number)
        return self.track.settings_at(place, settings), self.track.tone_at(place)

    def around(self, number: int, reach: int) -> list[int]:
        """The numbers of the frame and of those of its shot that are at most ``reach`` away; itself without a track.

        Beyond the end that a container announced there may be no such frame.
        """
        if self.track is None:
            return [number]
        place = self._place(number)
        shot = self.track.shot_of(place)
        last = place + reach if shot is self.track.shots[-1] else min(place + reach, shot.last)
        places = range(max(shot.first, place - reach), last + 1)
        return list(places) if self.numbers is None else [self.numbers[p] for p in places if p < len(self.numbers)]

    def _place(self, number: int) -> int:
        return number if self.numbers is None else bisect_left(self.numbers, number)


def tones_of(
    source: Path,
    converter: "Converter",
    settings: Settings,
    job: Job,
    spaces: "OcioSpaces | None",
    progress: Progress = lambda done, total: None,
) -> Tones:
    """``job.track``: a file; "none"; or None, and the track is made here, of all frames, whatever the job converts.

    Raises UserError for a track of another input or of another model.
    """
    if job.track == NONE or settings.strength == 0.0:
        return Tones()
    if job.track is not None:
        return Tones(_read(Path(job.track), source, job), _numbers(source))
    whole = replace(job, frames=None, preview=None, limit=None, keep_going=True)  # the second pass tells of damage
    with open_source(source, whole) as reader:
        total = reader.info.frame_count

        def pictures() -> Iterator[np.ndarray]:
            for done, frame in enumerate(reader.frames(), 1):
                yield frame.sdr if spaces is None else spaces.sdr(frame.sdr)
                progress(done, total)

        return Tones(track_of(pictures(), converter, settings, source, weights_of(job.model)), _numbers(source))


def analyze(
    source: Path,
    converter: "Converter",
    settings: Settings | None = None,
    progress: Progress = lambda done, total: None,
    *,
    model: str = "lite",
    allow_hdr: bool = False,
) -> "ToneTrack":
    """The tone track of a clip, always of the whole. Raises UserError for a clip that cannot be read."""
    settings = settings_for(settings or Settings(), source)[0]
    made = tones_of(source, converter, settings, Job(force_sdr=allow_hdr, model=model), None, progress)
    if made.track is None:
        raise UserError("at strength 0 no frame has a tone; leave the strength as it is")
    return made.track


def _read(path: Path, source: Path, job: Job) -> "ToneTrack":
    from lumaflux.inference.tone_track import read_track

    track = read_track(path)
    check_clip(track, source)
    if job.model:
        check_model(track, path, job.model)
    return track


def _numbers(source: Path) -> list[int] | None:
    from lumaflux.media.stills.sequence_path import SequencePath

    pattern = SequencePath.parse(source)
    return None if pattern is None else pattern.numbers()
