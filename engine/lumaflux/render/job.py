"""What a conversion is asked for besides the look, and what it reports."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lumaflux.errors import UserError
from lumaflux.options import (
    CertificateOptions,
    ConfidenceOptions,
    DamageOptions,
    FrameOptions,
    ModelOptions,
    PictureTargetOptions,
    RawFrameOptions,
    RoundTripOptions,
    SoundOptions,
    SourceOptions,
    TargetOptions,
    ToneOptions,
    VideoOptions,
)

if TYPE_CHECKING:
    from lumaflux.media.metadata.light_levels import LightLevels
    from lumaflux.media.metadata.shot_levels import ShotLight

Progress = Callable[[int, int | None], None]  # frames done, frames in all if known
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".y4m")


@dataclass(frozen=True, kw_only=True)
class Job(
    CertificateOptions,
    RoundTripOptions,
    ConfidenceOptions,
    PictureTargetOptions,
    VideoOptions,
    SoundOptions,
    ToneOptions,
    ModelOptions,
    FrameOptions,
    DamageOptions,
    RawFrameOptions,
    SourceOptions,
    TargetOptions,
):
    """What a conversion is asked for besides the look.

    Every option of `lumaflux convert` that is no setting is a field, with an underscore for each hyphen: ``--frames 4-7
    --deliver prores-hlg`` is ``Job(frames="4-7", deliver="prores-hlg")``. ``lumaflux.options`` says what each means.

    Raises:
        UserError: Options that contradict each other, or a value that cannot be.

    Examples:
        >>> job = Job(frames="4-7", deliver="prores-hlg", fps="24000/1001")
        >>> job.frame_rate
        Fraction(24000, 1001)
        >>> Job(limit=0)
        Traceback (most recent call last):
            ...
        lumaflux.errors.UserError: ...
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.input_space or self.output_space) and not self.ocio:
            raise UserError("a color space is named without its configuration; name that with --ocio CONFIG")
        if self.ocio and not (self.input_space or self.output_space):
            raise UserError("--ocio is given without a color space; name one with --input-space or --output-space")
        if self.hdr10plus_profile == "b" and self.hdr10plus is None:
            raise UserError("an HDR10+ profile is named without its file; name that with --hdr10plus FILE.json")
        if self.sdr_residual and not self.sdr_exact:
            raise UserError("--sdr-residual adds to the sidecar of --sdr-exact; name that, too")
        _ = self.frame_rate, self.frame  # which raise

    def refuse_existing_metadata(self) -> None:
        """Raises UserError where the HDR10+ file is there already, before any work."""
        if self.hdr10plus is not None and self.hdr10plus.exists() and not self.overwrite:
            raise UserError(f"{self.hdr10plus} exists already; remove it, or allow overwriting (-y).")

    def refuse_rates(self, delivery: str) -> None:
        """Raises UserError where a rate or a speed is asked of pictures."""
        if self.crf is not None or self.encoder_preset is not None:
            raise UserError(f"--crf and --encoder-preset go with a coded video; {delivery} is none")


def name_pass(progress: Progress, name: str) -> None:
    """Say which of several passes begins, where ``progress`` shows such a thing."""
    show = getattr(progress, "name_pass", None)
    if show is not None:
        show(name)


def name_wait(progress: Progress, what: str) -> None:
    """Say what the next frame waits for, where ``progress`` shows such a thing; asked again while it waits."""
    show = getattr(progress, "name_wait", None)
    if show is not None:
        show(what)


def with_reports(ending: BaseException, reports: "list[Report]") -> BaseException:
    """``ending`` with the reports of what was done before it, for whoever writes them down."""
    ending.reports = reports  # type: ignore[attr-defined]
    return ending


def chosen(job: Job) -> list[int] | None:
    """The source's frame numbers that the job asks for, rising; None for all."""
    from lumaflux.media.stills.frame_numbers import parse_frames

    if job.preview is not None:
        return [job.preview]
    return None if job.frames is None else sorted({int(number) for number in parse_frames(job.frames)})


@dataclass(kw_only=True)
class Report:
    """What was written. Light is in cd/m2, and measured on the pictures as they were written.

    Attributes:
        target: What was written.
        source: What it was made of.
        delivery: The name of its output profile, as ``--deliver`` has it.
        frames: How many were converted.
        in_one_pass: How many of them went from codes to codes; the others went through pictures in floats.
        skipped: Frames that were there already.
        damaged: Frames that could not be converted.
        max_cll: The largest channel of all pixels.
        max_fall: The largest of all frames' averages of max(R, G, B).
        percentiles: Light by per cent of all pixels: 50, 90, 99 and 99.9.
        shots: The light of each shot; they count the frames written.
        confidence: The mean shares of the matte, where one was asked for.
        restored: How near the SDR comes back, where that was asked for: ``psnr`` in dB, ``largest_error`` in codes of 8
            bits, over ``frames`` that were tried; of a video the same of each of its ``shots``, and the bytes a frame
            of the HDR file (``delivered_bytes``), of its sidecar and, in that, of the residual.
        seconds: What all of it took; of a clip without loading the model.
        stages: Seconds by stage.
        notes: Sentences on what was left out or repaired.
        also: The further outputs of the same rendering, and the delivery of each.
    """

    target: Path
    source: Path | None = None
    delivery: str = ""
    frames: int = 0
    in_one_pass: int = 0
    skipped: int = 0
    damaged: int = 0
    max_cll: float = 0.0
    max_fall: float = 0.0
    percentiles: dict[float, float] = field(default_factory=dict)
    shots: "list[ShotLight]" = field(default_factory=list)
    confidence: dict[str, float] = field(default_factory=dict)
    restored: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    also: dict[str, str] = field(default_factory=dict)

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
