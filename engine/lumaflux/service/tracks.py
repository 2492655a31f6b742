"""The tone tracks that frames of an effect name: read once, checked, and mapped to a frame of the host."""

import os
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lumaflux.errors import UserError
from lumaflux.inference.weights import weights_identity
from lumaflux.options import ModelOptions
from lumaflux.render.tones import Tones
from lumaflux.service.frame_mapping import thumbnail

if TYPE_CHECKING:
    from lumaflux.inference.tone_track import ToneTrack
    from lumaflux.service.parameters import RenderParameters

_KEPT = 4
_LEAST_LIKENESS = 0.8  # of a frame and the picture that its track keeps: grades, scalers and grain stay above it


class Tracks:
    """Tracks by path, size and time of change. For one thread."""

    def __init__(self) -> None:
        self._read: dict[Hashable, ToneTrack] = {}
        self._films: dict[Hashable, np.ndarray] = {}
        self._matching: set[Hashable] = set()  # tracks that were compared with their source

    def of(self, parameters: "RenderParameters", options: ModelOptions) -> tuple[Tones, int, Hashable]:
        """The tones that a frame is rendered under, its place in them, and what tells this tone from others; (no tones,
        0, None) without a track. Frames before the track's first have that one's tone, those after its end the last
        shot's.

        Raises UserError for a track that is missing, damaged, too large, of another model or of another source file.
        """
        from lumaflux.render.analysis import check_model

        if not parameters.tone_track or parameters.settings.strength == 0.0:
            return Tones(), 0, None
        identity, track = self._track(absolute(parameters.tone_track, "Tone track"))
        model = weights_identity(options)
        if (identity, model) not in self._matching:
            check_model(track, Path(parameters.tone_track), model)
            self._matching.add((identity, model))
        self._check_source(identity, track, parameters.source_file)
        place = max(0, parameters.host_frame - parameters.track_start)
        return Tones(track), place, (identity, place)

    def check_picture(self, parameters: "RenderParameters", sdr: np.ndarray) -> None:
        """Compares a frame, SDR [3,H,W], with the picture that the track keeps of it, if it keeps one.

        Raises UserError when they differ as two clips do: a node was copied, or what comes before it has changed.
        """
        identity, track = self._track(absolute(parameters.tone_track, "Tone track"))
        place = parameters.host_frame - parameters.track_start
        if track.pictures is None or place < 0 or place >= track.clip.frames or place % track.pictures.step:
            return
        if identity not in self._films:
            while len(self._films) >= _KEPT:
                del self._films[next(iter(self._films))]
            self._films[identity] = track.pictures.film()
        film, seen = self._films[identity], thumbnail(sdr)
        kept = film[place // track.pictures.step] if place // track.pictures.step < len(film) else np.zeros_like(seen)
        if kept.any() and seen.any() and float(kept @ seen) < _LEAST_LIKENESS:
            raise UserError(
                f"the tone track {Path(parameters.tone_track).name} was made of another clip than this: at frame "
                f"{parameters.host_frame} its picture is another; press Analyse, or empty Tone track"
            )

    def _track(self, path: Path) -> "tuple[Hashable, ToneTrack]":
        from lumaflux.inference.tone_track import read_track

        try:
            facts = path.stat()
        except OSError as error:
            said = f"the tone track {path} cannot be read ({error.strerror})"
            raise UserError(f"{said}; press Analyse, or empty Tone track") from None
        identity = os.fspath(path), facts.st_size, facts.st_mtime_ns
        if identity not in self._read:
            track = read_track(path)
            while len(self._read) >= _KEPT:
                del self._read[next(iter(self._read))]
            self._read[identity] = track
        return identity, self._read[identity]

    def _check_source(self, identity: Hashable, track: "ToneTrack", source_file: str) -> None:
        from lumaflux.render.analysis import check_clip

        source = Path(source_file)
        if not source_file or (identity, source_file) in self._matching or not source.is_file():
            return  # what is elsewhere or a sequence is not needed to render
        check_clip(track, source)
        self._matching.add((identity, source_file))


def absolute(text: str, what: str) -> Path:
    """The path that a control of the effect names. Raises UserError for one that is not whole."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # ~ of a user without a home, or of none
        path = Path(text)
    if not path.is_absolute():
        raise UserError(f"{what} names {text}, which is not the whole path of a file; name it from / on")
    return path
