"""`lumaflux farm verify --again`: whether frames of a job, drawn by chance, come out again as they lie there."""

import random
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lumaflux.errors import FrameError, MismatchError, UserError
from lumaflux.farm.encode import read_picture
from lumaflux.farm.encoded import check_video
from lumaflux.farm.frames import loader, open_renderer, render_frames
from lumaflux.farm.job import HIDDEN, JobFolder, Manifest
from lumaflux.farm.job_spec import JobSpec
from lumaflux.farm.tone_tracks import TRACK
from lumaflux.media.stills.frame_numbers import frame_list, frames_text
from lumaflux.options import NO_TRACK, FarmOptions, part
from lumaflux.render.job import Progress
from lumaflux.render.recorder import fingerprint
from lumaflux.render.verify import TOLERANCE

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

_SHOWN = 5  # frames of a video that are compared, where none are rendered again


@dataclass(kw_only=True)
class Proof:
    """``frames`` were drawn by ``seed`` and rendered again; they were equal bit for bit (``exact``), or their mean PQ
    luma was within ``largest``, for ``differs`` says what is other here than where they were made."""

    frames: list[int]
    of: int
    seed: int
    exact: bool
    largest: float = 0.0
    differs: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        drawn = f"{len(self.frames)} of {self.of} frames ({frames_text(self.frames)}; --seed {self.seed})"
        if self.exact:
            return f"{drawn} came out again bit for bit"
        return f"{drawn} came out within {self.largest:.6f} of mean PQ luma, not bit for bit: {'; '.join(self.differs)}"


def prove(
    job: JobFolder,
    options: FarmOptions,
    *,
    source: Path | None = None,
    frames: int = 5,
    seed: int | None = None,
    load: "Callable[[JobSpec], Callable[[], Converter]]" = loader,
    progress: Progress = lambda done, total: None,
) -> Proof:
    """Renders ``frames`` of the job anew in a folder that goes, by the whole way of a worker.

    ``options``: what the manifest knows by its digest alone, as it was given to the job: model files, precision,
    track, mask.
    Raises UserError for another source, other weights or options than the job's, MismatchError for a frame that comes
    out otherwise, FrameError for one that cannot be rendered.
    """
    if frames < 1:
        raise UserError(f"{frames} frames prove nothing; ask for one or more")
    known = job.manifest()
    numbers = frame_list(known.frames)
    seed = secrets.randbelow(1 << 31) if seed is None else seed
    drawn = sorted(random.Random(seed).sample(numbers, min(frames, len(numbers))))
    spec = _spec(job, known, options, source)
    with tempfile.TemporaryDirectory(prefix="lumaflux-verify-") as name:
        again = JobFolder(Path(name))
        renderer = open_renderer(spec, again)
        here = renderer.manifest
        job.check(here.model_copy(update={"platform": known.platform, "matte": known.matte}))
        differs = [
            f"{fact} {here.platform.get(fact, 'none')} instead of {known.platform.get(fact, 'none')}"
            for fact in sorted({*here.platform, *known.platform})
            if here.platform.get(fact) != known.platform.get(fact)
        ]
        renderer.load_converter = load(spec)
        made = render_frames(again, renderer, drawn, progress)
        if made.failed:
            number, reason = next(iter(made.failed.items()))
            raise FrameError(f"frame {number} of {spec.source} cannot be rendered again: {reason}")
        proof = Proof(frames=drawn, of=len(numbers), seed=seed, exact=not differs, differs=differs)
        for number in drawn:
            _compare(proof, number, job, again)
    return proof


def _compare(proof: Proof, number: int, job: JobFolder, again: JobFolder) -> None:
    one, other = (read_picture(folder.picture(number)) for folder in (job, again))
    if np.array_equal(one, other):
        return
    off = 1.0
    if one.shape == other.shape:
        grids = [np.array(fingerprint(picture)["grid"]) for picture in (one, other)]
        off = float(np.abs(grids[0] - grids[1]).max())
    proof.largest = max(proof.largest, off)
    if proof.exact or off > TOLERANCE:
        allowed = f"where {TOLERANCE:g} is allowed ({'; '.join(proof.differs)})"
        if proof.exact:
            allowed = "and no bit may differ"
        raise MismatchError(
            f"frame {number} in {job.folder} does not come out again: mean PQ luma is up to {off:.6f} off, {allowed}"
        )


def _spec(job: JobFolder, known: Manifest, options: FarmOptions, source: Path | None) -> JobSpec:
    """The job as it was ordered."""
    track = options.track
    if known.tone_track is None:
        track = NO_TRACK
    elif track is None:
        track = str(job.folder / HIDDEN / TRACK)
        if not Path(track).exists():
            raise UserError(f"{job.folder} was rendered under a tone track of another place; name that by --track")
    spec = part(JobSpec, options, source=source or Path(known.source), settings=known.looks())
    reading = {name: value for name, value in known.reading.items() if value is not None}
    return replace(
        spec,
        **reading,  # pyright: ignore[reportArgumentType]
        model=known.model,
        device=options.device or known.device,
        threads=known.threads,
        frames=known.frames,
        track=track,
        match=None,  # the track is led already
        matte=None,
        motion_blending=known.motion_blending,
        every_frame=known.every_frame,
    )


def told(
    job: JobFolder,
    options: FarmOptions,
    *,
    source: Path | None,
    frames: int,
    seed: int | None,
    video: Path | None,
    progress: Progress,
) -> list[str]:
    """What a person hears of frames that are rendered again (0: none) and of what ``video`` shows of them, or of five
    others. Raises what :func:`prove` and ``check_video`` raise."""
    lines, drawn = [], []
    if frames:
        proof = prove(job, options, source=source, frames=frames, seed=seed, progress=progress)
        lines, drawn = [proof.sentence()], proof.frames
    if video is not None:
        numbers = frame_list(job.manifest().frames)
        drawn = drawn or sorted(random.Random(seed).sample(numbers, min(_SHOWN, len(numbers))))
        shown = check_video(job, video, drawn, read_picture)
        said = "is SDR, which is not compared" if shown is None else f"shows them at {shown:.1f} dB or more"
        lines.append(f"frames {frames_text(drawn)}: {video} {said}")
    return lines
