"""`lumaflux verify`: whether a certificate's files are its files, and whether its frames come out again."""

import dataclasses
import random
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from lumaflux.errors import MismatchError, UserError
from lumaflux.inference.weights import NO_ENGINE, rendering_identity
from lumaflux.media.stills.frame_numbers import frames_text
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.options import MATTE_CHANNELS
from lumaflux.render.certificate import INPUTS, Certificate, Files, Frame, digests_of, input_digests, read_certificate
from lumaflux.render.encoded import Luma, compared, luma_of, too_far
from lumaflux.render.job import Job, Progress
from lumaflux.render.manifest import platform_facts
from lumaflux.render.request import Request
from lumaflux.render.run import fulfill
from lumaflux.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.color.yuv420p10 import Planes
    from lumaflux.inference.converter import Converter

TOLERANCE = 2e-4  # of mean PQ luma in a cell, between instruction sets (docs/certificate.md)


@dataclass(kw_only=True)
class Verdict:
    """``frames`` were rendered again, drawn by ``seed``; they were equal bit for bit (``exact``), or their mean PQ luma
    was within ``largest``, for ``differs`` are other here than where the certificate was made. Decoded, the output's
    frames have a PSNR of ``shown`` dB or more against them; None for pictures and SDR, which are not decoded."""

    frames: list[int]
    of: int
    seed: int
    exact: bool
    largest: float = 0.0
    shown: float | None = None
    differs: list[str] = field(default_factory=list)

    def sentence(self, certificate: Path) -> str:
        """What a person is told."""
        drawn = f"{len(self.frames)} of {self.of} frames ({frames_text(self.frames)}; --seed {self.seed})"
        shown = "" if self.shown is None else f"; the output shows them at {self.shown:.1f} dB or more"
        if self.exact:
            return f"{certificate}: source and output are the certificate's; {drawn} came out bit for bit{shown}"
        return (
            f"{certificate}: source and output are the certificate's; {drawn} came out within {self.largest:.6f} of "
            f"mean PQ luma{shown}, not compared bit for bit: {'; '.join(self.differs)}"
        )


def verify(
    certificate: Path,
    load: "Callable[[Job], Converter]",
    *,
    source: Path | None = None,
    output: Path | None = None,
    frames: int = 5,
    seed: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Verdict:
    """Compares the files, then renders ``frames`` of them again and compares those.

    ``source`` and ``output`` say where the files are now; ``seed`` draws the frames, and is itself drawn if None.
    Raises UserError for an edited certificate, other files or weights, and where it cannot be rendered; MismatchError
    for a frame that came out otherwise.
    """
    if frames < 1:
        raise UserError(f"{frames} frames prove nothing; ask for one or more")
    known = read_certificate(certificate)
    source = source or certificate.parent / known.source.path
    output = output or certificate.parent / known.output.path
    _refuse_others("source", source, known.source, "--source")
    _refuse_others("output", output, known.output, "--output")
    job, settings = _asked(certificate, known)
    _refuse_other_inputs(known, job)
    differs = _other_platform(known, job)
    seed = secrets.randbelow(1 << 31) if seed is None else seed
    by_number = {frame.number: frame for frame in known.frames}
    drawn = sorted(random.Random(seed).sample(sorted(by_number), min(frames, len(by_number))))
    given = _GivenLuma(known)
    again = dataclasses.replace(job, threads=known.threads)
    request = Request(
        load_converter=lambda: load(again),
        settings=settings,
        job=again,
        progress=progress,
        seen=given.add if given.measured else None,
    )
    made = _rendered(known, source, drawn, request)
    verdict = Verdict(frames=drawn, of=len(by_number), seed=seed, exact=not differs, differs=differs)
    far = {number: _distance(by_number[number], made.get(number)) for number in drawn}
    verdict.largest = max(far.values())
    wrong = [n for n in drawn if (_other(by_number[n], made.get(n)) if verdict.exact else far[n] > TOLERANCE)]
    if wrong:
        off = f"mean PQ luma is up to {max(far[number] for number in wrong):.6f} off"
        said = f"bits differ, {off}"
        if not verdict.exact:
            said = f"{off}, where {TOLERANCE:g} is allowed (rendered with {'; '.join(differs)})"
        raise MismatchError(
            f"{output}: frame {frames_text(wrong)} of {source} does not come out as the certificate says: {said}"
        )
    if given.measured:
        verdict.shown = given.shown_by(output, source)
    return verdict


class _GivenLuma:
    """Luma of frames that were rendered again, as an encoder is given them. ``measured``: the PSNR in dB that the
    certificate has of frames in its file, by their place there."""

    def __init__(self, known: Certificate):
        self._frames = known.frames
        self._places = {frame.number: place for place, frame in enumerate(known.frames)}
        self._luma: dict[int, Luma] = {}
        self.measured = {place: frame.kept for place, frame in enumerate(known.frames) if frame.kept is not None}

    def add(self, number: int, picture: "np.ndarray | Planes") -> None:
        self._luma[self._places[number]] = luma_of(picture)

    def shown_by(self, output: Path, source: Path) -> float:
        """The least PSNR in dB of the file's frames. Raises MismatchError for one that shows another picture."""
        shown = compared(output, self._luma)
        if far_off := too_far(shown, self.measured):
            place, least = next(iter(far_off.items()))
            raise MismatchError(
                f"{output}: frame {self._frames[place].number} of {source} is not what the file shows: "
                f"{shown[place]:.1f} dB, where the certificate asks for {least:.1f}; it was encoded again or replaced"
            )
        return min(shown.values())


def _other_platform(known: Certificate, job: Job) -> list[str]:
    """What computes here, where it is not what the certificate was made by."""
    here = platform_facts(job)
    return [
        f"{name} {here.get(name, 'none')} instead of {known.platform.get(name, 'none')}"
        for name in sorted({*here, *known.platform})
        if here.get(name) != known.platform.get(name)
    ]


def _refuse_others(kind: str, path: Path, files: Files, option: str) -> None:
    sequence = SequencePath.parse(path) is not None
    if not sequence and not path.is_file():
        raise UserError(f"the {kind} {path} is not there; say where it is by {option}")
    found = digests_of(path, None if kind == "source" or not sequence else map(_number, files.sha256))
    if found == files.sha256:
        return
    if sequence:
        other = sorted(key for key in {*found, *files.sha256} if found.get(key) != files.sha256.get(key))
        raise UserError(f"{len(other)} pictures of the {kind} {path} are others than the certificate's: {other[0]} ...")
    raise UserError(f"the {kind} {path} is another file than the certificate's, or was changed: its SHA-256 differs")


def _number(key: str) -> int:
    try:
        return int(key)
    except ValueError:
        raise UserError("the certificate is of one file, and a sequence is named; name the file") from None


def _asked(certificate: Path, known: Certificate) -> tuple[Job, Settings]:
    """The job and the look as they were. Raises UserError for options that this version does not have."""
    options: dict[str, Any] = dict(known.options)
    strange = {*options} - {each.name for each in dataclasses.fields(Job)}
    strange |= {*known.settings} - {each.name for each in dataclasses.fields(Settings)}
    if strange:
        raise UserError(f"this LumaFlux does not know what {certificate} was made with: {', '.join(sorted(strange))}")
    for name in INPUTS:
        value = options.get(name)
        beside = certificate.parent / str(value)
        if value is not None and value != NO_ENGINE and (beside.exists() or SequencePath.parse(beside) is not None):
            options[name] = str(beside)
    try:
        return (
            pydantic.TypeAdapter(Job).validate_python(options),
            pydantic.TypeAdapter(Settings).validate_python(known.settings),
        )
    except (pydantic.ValidationError, TypeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise UserError(f"this LumaFlux does not know what {certificate} was made with: {reason}") from None


def _refuse_other_inputs(known: Certificate, job: Job) -> None:
    found = input_digests(job)
    for name in sorted({*found, *known.inputs}):
        if name not in found:
            raise UserError(f"the certificate's --{name} is not there: {getattr(job, name)}; put the file back")
        if found[name] != known.inputs.get(name):
            raise UserError(f"--{name} {getattr(job, name)} is another file than the certificate's")
    model = rendering_identity(job)
    if model != known.model:
        raise UserError(f"the weights here are {model}, the certificate's are {known.model}; install those")


def _rendered(known: Certificate, source: Path, numbers: list[int], request: Request) -> dict[int, Frame]:
    """The frames as the whole way through decoder, model and writer makes them, in a folder that goes."""
    job = request.job
    with tempfile.TemporaryDirectory(prefix="lumaflux-verify-") as name:
        folder = Path(name)
        certificate = folder / "certificate.json"
        again = dataclasses.replace(
            job,
            certificate=certificate,
            frames=",".join(map(str, numbers)),
            matte=None if job.matte is None else _moved(job.matte, folder),
            hdr10plus=None if job.hdr10plus is None else folder / "hdr10plus.json",
            copy_audio=False,
            overwrite=True,
        )
        fulfill(source, folder / Path(known.output.path).name, dataclasses.replace(request, job=again))
        return {frame.number: frame for frame in read_certificate(certificate).frames}


def _moved(matte: Path, folder: Path) -> Path:
    return matte if str(matte) == MATTE_CHANNELS else folder / f"matte-{matte.name}"


def _other(one: Frame, other: Frame | None) -> bool:
    return other is None or (one.path, one.sha256, one.shares) != (other.path, other.sha256, other.shares)


def _distance(one: Frame, other: Frame | None) -> float:
    if other is None:
        return 1.0
    return max(abs(a - b) for a, b in zip(one.grid, other.grid, strict=True))
