"""A conversion as it is asked for: by which model, in which look, with which options, and who is told of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Self

from lumaflux.render.job import Job, Progress
from lumaflux.render.source import Source
from lumaflux.render.tones import ToneRequest, Tones, growing_tones_of
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter
    from lumaflux.render.recorder import Seen

FindTones = Callable[[Source, ToneRequest, Progress], Tones]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What all files of a conversion have in common.

    Attributes:
        load_converter: Loads the model; called only once input and target have been found sound.
        settings: The look.
        job: All that is no look: frames, delivery, tone track, and so on.
        progress: Called with the frames that are done and, where it is known, the number of all.
        find_tones: Finds the tones of a clip; it may keep what it found, for many parts of one source.
        seen: Under a certificate, called with the number of each frame of a clip or a sequence, and what its writer was
            given.
    """

    load_converter: "Callable[[], Converter]"
    settings: Settings
    job: Job
    progress: Progress = lambda done, total: None
    find_tones: FindTones = growing_tones_of
    seen: "Seen | None" = None

    def loading_once(self) -> Self:
        """The same for several files, which share one model in memory."""
        return replace(self, load_converter=cache(self.load_converter))
