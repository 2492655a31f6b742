"""The effect's Analyse button: a tone track of a file, in slices between others' frames, or of a host's frames."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xxhash

from lumaflux.errors import UserError
from lumaflux.inference.weights import weights_identity
from lumaflux.model.regular_file import check_regular
from lumaflux.service.frame_mapping import Sample, file_start, thumbnail
from lumaflux.service.parameters import RenderParameters
from lumaflux.service.renderer import Renderer
from lumaflux.service.tracks import absolute

if TYPE_CHECKING:
    from lumaflux.inference.tone_track import Clip, ToneTrack
    from lumaflux.render.analysis import ClipAnalysis

SLICE_S = 0.25  # of an analysis, before frames that wait have their turn
HOST_CLIP = "frames of a host"


class FileAnalysis:
    """Of the file or sequence that ``parameters.source_file`` names. For one thread."""

    def __init__(self, parameters: RenderParameters, renderer: Renderer, samples: Sequence[Sample] = ()):
        """``samples``: frames that the host shows of it. Raises UserError for a path that is not whole, and what cannot
        be read; ModelError.
        """
        from lumaflux.render.analysis import ClipAnalysis
        from lumaflux.render.source import Source

        self.source = absolute(parameters.source_file, "Source file")
        source = Source(self.source)
        files = [self.source] if source.pattern is None else map(source.pattern.file, source.numbers)
        for path in files:
            check_regular(path)  # before a decoder waits for a FIFO, with all hosts behind it
        self.model, self._renderer = parameters.model, renderer
        self._analysis = ClipAnalysis(renderer.load(self.model), parameters.settings)
        self._reader = source.open()
        self._reader.__enter__()
        self._frames = getattr(self._reader, "coded_frames", self._reader.frames)()
        self._samples = samples
        self._film: list[np.ndarray] = []  # thumbnails of all its frames
        self.total = (self._reader.info.frame_count or 0) if source.pattern is None else len(source.numbers)

    @property
    def done(self) -> int:
        return self._analysis.frames

    def proceed(self, check: Callable[[], None]) -> "ToneTrack | None":
        """Sees frames for a slice of time; the track when all were seen."""
        from lumaflux.render.analysis import clip_of

        self._analysis.converter = self._renderer.load(self.model)  # another may have come between
        until = time.monotonic() + SLICE_S
        while time.monotonic() < until:
            check()
            frame = next(self._frames, None)
            if frame is not None:
                self._analysis.see_frame(frame)
                self._film.append(thumbnail(frame.sdr).astype(np.float16))
                continue
            if not self.done:
                raise UserError(f"{self.source} holds no frames; name another Source file")
            self._reader.check_whole()
            return _track(clip_of(self.source, self.done), self._film, self._analysis, self._renderer, self.model)
        return None

    def start(self) -> int | None:
        """The host's frame at which the file's first stands, once all were seen; None without samples.

        Raises UserError as :func:`file_start`.
        """
        if not self._samples:
            return None
        return file_start(self._samples, np.stack(self._film), self._samples[0].frame, self.source.name)

    def close(self) -> None:
        self._reader.__exit__(None, None, None)


class HostAnalysis:
    """Of frames that a host hands over in order. For one thread."""

    def __init__(self, parameters: RenderParameters, renderer: Renderer):
        from lumaflux.render.analysis import ClipAnalysis

        self.model, self._renderer = parameters.model, renderer
        self._analysis = ClipAnalysis(renderer.load(self.model), parameters.settings)
        self._digest = xxhash.xxh3_128()
        self._film: list[np.ndarray] = []

    @property
    def done(self) -> int:
        return self._analysis.frames

    def see(self, sdr: np.ndarray) -> None:
        """The next frame, SDR [3,H,W]."""
        self._analysis.converter = self._renderer.load(self.model)
        self._digest.update(np.ascontiguousarray(sdr).data.cast("B"))
        self._analysis.see(sdr)
        self._film.append(thumbnail(sdr).astype(np.float16))

    def track(self) -> "ToneTrack":
        from lumaflux.inference.tone_track import Clip

        clip = Clip(name=HOST_CLIP, frames=self.done, digest=self._digest.hexdigest())
        return _track(clip, self._film, self._analysis, self._renderer, self.model)


def _track(
    clip: "Clip", film: list[np.ndarray], analysis: "ClipAnalysis", renderer: Renderer, model: str
) -> "ToneTrack":
    from lumaflux.inference.tone_track import ToneTrack
    from lumaflux.inference.track_pictures import Pictures

    identity = weights_identity(renderer.options_of(model))
    return ToneTrack(clip=clip, model=identity, pictures=Pictures.of(np.stack(film)), shots=analysis.shots())


def store(track: "ToneTrack", source: Path | None) -> Path:
    """Writes a track whole or not at all: beside its source as NAME.track.json, or, where that cannot be or there is
    none, in the user's state directory. A file that a person pinned something in, or that is no track, is left.

    Raises UserError when neither place takes it.
    """
    from lumaflux.inference.tone_track import text_of
    from lumaflux.media.atomic_file import AtomicFile

    places = [state / f"{_name(track.clip)}.track.json"] if (state := state_directory()) is not None else []
    if source is not None:
        places.insert(0, source.with_name(f"{source.name}.track.json"))
    trouble = "this user has no home directory, and XDG_STATE_HOME names none"
    for place in places:
        try:
            if state is not None and place is places[-1]:
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            free = _free(place)
            with AtomicFile(free, overwrite=True) as file:
                file.partial.write_text(text_of(track), "utf-8")
        except (OSError, UserError) as error:
            trouble = str(error).rstrip(".")
        else:
            return free
    raise UserError(f"the tone track cannot be written ({trouble}); free space there and press Analyse again")


def state_directory() -> Path | None:
    """Where tracks lie that have no place beside their source; None for a user without a home."""
    named = os.environ.get("XDG_STATE_HOME", "")
    try:
        root = Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return root / "lumaflux" / "tracks"


def _name(clip: "Clip") -> str:
    stem = "host" if clip.name == HOST_CLIP else clip.name
    return f"{stem}-{clip.digest[:12]}"


def _free(place: Path) -> Path:
    """``place``, or NAME.2.track.json and so on where a person's work stands."""
    from lumaflux.inference.tone_track import Pins, read_track

    for number in range(1, 1000):
        found = (
            place if number == 1 else place.with_name(place.name.removesuffix("track.json") + f"{number}.track.json")
        )
        if not found.exists():
            return found
        try:
            if all(shot.pinned == Pins() for shot in read_track(found).shots):
                return found
        except UserError:
            continue
    return place
