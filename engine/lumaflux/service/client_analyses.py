"""What one client has shown of a clip, and the tone track of it; worker and embedded engine call the same."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lumaflux.errors import UserError
from lumaflux.service.analysis import FileAnalysis, HostAnalysis, store
from lumaflux.service.frame_mapping import Sample, thumbnail
from lumaflux.service.parameters import RenderParameters
from lumaflux.service.renderer import Renderer, sdr_of
from lumaflux.service.shared_objects import FrameRefusedError

if TYPE_CHECKING:
    from lumaflux.inference.tone_track import ToneTrack

MOST_SAMPLES = 64  # of a clip whose file is analysed

log = logging.getLogger(__name__)


class ClientAnalyses:
    """For one client and one thread; what it has seen goes with it."""

    def __init__(self, renderer: Renderer):
        self._renderer = renderer
        self._looked: HostAnalysis | None = None
        self._samples: list[Sample] = []

    def see(self, number: int, frame: int, parameters: RenderParameters, planes: Callable[[], np.ndarray]) -> int:
        """Sees the ``number``-th frame of a clip, which is the host's ``frame``; how many were seen. 0 begins anew.

        Frames of a clip whose file is named are samples: they tell which of the file's frames the host shows.
        Raises FrameRefusedError for one that does not follow the one before, and what ``planes`` raises.
        """
        sampled = bool(parameters.source_file)
        if number == 0:
            self._samples, self._looked = [], None if sampled else HostAnalysis(parameters, self._renderer)
        looked = None if sampled else self._looked
        seen = len(self._samples) if sampled else looked.done if looked is not None else -1
        if seen != number or (seen >= MOST_SAMPLES and sampled):
            raise FrameRefusedError(f"frame {number} of an analysis does not follow the one before")
        sdr = sdr_of(planes(), parameters.input_space)
        if looked is None:
            self._samples.append(Sample(frame, thumbnail(sdr)))
        else:
            looked.see(sdr)
        return seen + 1

    def of_file(self, parameters: RenderParameters) -> FileAnalysis:
        """The analysis of the named file, with the samples that were seen of it. Raises as FileAnalysis does."""
        samples, self._samples = self._samples, []
        return FileAnalysis(parameters, self._renderer, samples)

    def of_host(self, client: str) -> dict[str, str | int]:
        """Writes the track of the frames that were seen, and begins anew. Raises UserError where none was."""
        seen, self._looked = self._looked, None
        if seen is None or not seen.done:
            raise UserError("no frame was analysed; name a Source file, or connect a clip to Source")
        return stored(seen.track(), None, client)


def file_result(track: "ToneTrack", analysis: FileAnalysis, client: str) -> dict[str, str | int]:
    """Writes the track of a file. Raises UserError, before anything is written, where the samples are not of it."""
    start = analysis.start()
    return stored(track, analysis.source, client) | ({} if start is None else {"start": start})


def stored(track: "ToneTrack", source: Path | None, client: str) -> dict[str, str | int]:
    """Writes a track; where it lies, and of how many frames it is."""
    path = store(track, source)
    log.info("%s: %d frames analysed, %s", client, track.clip.frames, path)
    return {"track": str(path), "frames": track.clip.frames}
