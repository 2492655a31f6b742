"""What a conversion is asked for besides the look, and what it reports."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError

if TYPE_CHECKING:
    from fractions import Fraction

    from lumaflux.media.deliveries import Deliver
    from lumaflux.media.metadata.light_levels import LightLevels
    from lumaflux.media.metadata.shot_levels import ShotLight
    from lumaflux.media.stills.picture import InputTransfer
    from lumaflux.media.stills.picture_writer import ExrCompression
    from lumaflux.media.video.reader import Interlaced
    from lumaflux.settings import Settings

Progress = Callable[[int, int | None], None]  # frames done, frames in all if known
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a conversion does besides the look.

    ``force_sdr`` reads PQ- or HLG-tagged input as if it were SDR; ``limit`` stops after so many frames; ``frames``
    names those of the source to convert (a clip's count from 0), ``preview`` a single one that becomes a picture.
    ``start_number`` is that of the first picture of a sequence that is written; ``frame_rate`` that of a sequence that
    is read. ``model`` is what tells the model apart from others, for the manifest beside a sequence. ``track``: a tone
    track's file, "none" for a tone of its own for every frame, None to find one first. ``motion_blending`` from 0 to 1
    is how much the neighbours' gain maps count for a frame's. ``tile`` is what the model was loaded with.
    ``hdr10plus``: the JSON file that HDR10+ metadata is written to. ``crf`` and ``encoder_preset`` are a video
    encoder's own rate and speed. ``input_transfer`` is how SDR codes of pictures are meant.
    """

    overwrite: bool = False
    copy_audio: bool = True
    force_sdr: bool = False
    limit: int | None = None
    deliver: "Deliver | None" = None
    frames: str | None = None
    preview: int | None = None
    start_number: int | None = None
    frame_rate: "Fraction | None" = None
    resume: bool = True
    keep_going: bool = False
    interlaced: "Interlaced" = "refuse"
    hdr_metadata: Path | None = None
    exr_compression: "ExrCompression | None" = None
    ocio: str | None = None
    input_space: str | None = None
    input_transfer: "InputTransfer" = "auto"
    output_space: str | None = None
    model: str = ""
    track: str | None = None
    motion_blending: float = 0.0
    tile: str = "auto"
    hdr10plus: Path | None = None
    crf: float | None = None
    encoder_preset: str | None = None

    def __post_init__(self) -> None:
        if (self.input_space or self.output_space) and not self.ocio:
            raise UserError("a colour space is named without its configuration; name that with --ocio CONFIG")
        if self.ocio and not (self.input_space or self.output_space):
            raise UserError("--ocio is given without a colour space; name one with --input-space or --output-space")
        if self.limit is not None and self.limit < 1:
            raise UserError(f"the limit is {self.limit} frames; it must be at least 1")
        if self.frame_rate is not None and not 0 < self.frame_rate <= 1000:
            raise UserError(f"the frame rate is {self.frame_rate}; it must be above 0 and at most 1000 frames/s")

    def finds_tones(self, settings: "Settings") -> bool:
        """Whether a first pass over the whole input comes before the one that writes."""
        return self.track is None and settings.strength != 0.0

    def refuse_rates(self, delivery: str) -> None:
        """Raises UserError where a rate or a speed is asked of pictures."""
        if self.crf is not None or self.encoder_preset is not None:
            raise UserError(f"--crf and --encoder-preset go with a video; {delivery} is written as pictures")


def name_pass(progress: Progress, name: str) -> None:
    """Say which of several passes begins, where ``progress`` shows such a thing."""
    show = getattr(progress, "name_pass", None)
    if show is not None:
        show(name)


def with_reports(ending: BaseException, reports: "list[Report]") -> BaseException:
    """``ending`` with the reports of what was done before it, for whoever writes them down."""
    ending.reports = reports  # type: ignore[attr-defined]
    return ending


@dataclass(kw_only=True)
class Report:
    """What was written. Light levels in cd/m2 are measured on the pictures as written; stages are seconds.

    ``skipped`` frames were there already; ``damaged`` ones could not be converted; ``notes`` are sentences on what was
    left out or repaired; ``percentiles`` are cd/m2 by percent of all pixels; ``shots`` count the frames written.
    """

    target: Path
    source: Path | None = None
    delivery: str = ""
    frames: int = 0
    skipped: int = 0
    damaged: int = 0
    max_cll: float = 0.0
    max_fall: float = 0.0
    percentiles: dict[float, float] = field(default_factory=dict)
    shots: "list[ShotLight]" = field(default_factory=list)
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.add_stages({name: time.perf_counter() - start})

    def add_stages(self, timings: dict[str, float]) -> None:
        for name, seconds in timings.items():
            self.stages[name] = self.stages.get(name, 0.0) + seconds

    def add_levels(self, levels: "LightLevels") -> None:
        from lumaflux.media.metadata.shot_levels import PERCENTILES, ShotLevels

        if levels.frames:
            self.max_cll, self.max_fall = levels.max_cll, levels.max_fall
            self.percentiles = {percent: levels.percentile_nits(percent) for percent in PERCENTILES}
        if isinstance(levels, ShotLevels):
            levels.end()
            self.shots = levels.shots

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)
