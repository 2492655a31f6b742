"""Takes down what a conversion was made of and what its frames became, for a certificate."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.errors import UserError
from lumaflux.inference.weights import rendering_identity, weight_digests
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.media.standard_streams import STANDARD
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.options import NO_TRACK
from lumaflux.render.certificate import GRID, INPUTS, Certificate, Files, Frame, digests_of, input_digests, text_of
from lumaflux.render.encoded import Sampled
from lumaflux.render.job import Job, Report
from lumaflux.render.manifest import platform_facts
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.color.yuv420p10 import Planes

Seen = Callable[[int, "np.ndarray | Planes"], None]
_OF_THE_RUN = ("certificate", "overwrite", "resume", "hdr_metadata", "copy_audio", "preview", "limit")


def fingerprint(made: "np.ndarray | Planes") -> dict[str, Any]:
    """``path``, ``sha256`` and ``grid`` of a frame as the writer gets it."""
    if isinstance(made, tuple):
        planes, codes = [np.ascontiguousarray(plane, dtype="<u2") for plane in made], True
        grid = (_cells(planes[0]) - 64) / 876  # narrow range of ten bits, BT.2100-2 Table 9
    else:
        planes, codes = [np.ascontiguousarray(made, dtype="<f4")], False
        grid = sum(weight * _cells(plane) for weight, plane in zip(BT2020_LUMA, planes[0], strict=True))
    digest = hashlib.sha256()
    for plane in planes:
        digest.update(f"{plane.dtype.str} {plane.shape} ".encode())
        digest.update(plane.data)
    means = [round(float(mean), 6) for mean in np.ravel(grid)]
    return {"path": "codes" if codes else "pixels", "sha256": digest.hexdigest(), "grid": means}


def _cells(plane: np.ndarray) -> np.ndarray:
    """Means [4,4] of [H,W]; a side of fewer than four samples shows some of them twice."""
    rows, columns = (np.arange(GRID) * side // GRID for side in plane.shape)
    sums = np.add.reduceat(np.add.reduceat(plane, rows, axis=0, dtype=np.float64), columns, axis=1)
    counts = [np.maximum(1, np.diff([*at, side])) for at, side in zip((rows, columns), plane.shape, strict=True)]
    return sums / np.outer(*counts)


class Recorder:
    """Takes the frames of a conversion of ``source`` to ``target`` and writes its certificate.

    Raises UserError, before any work, where there can be none: for standard streams, further outputs, a preview,
    pictures that are there already, and a file that must not be written. ``seen`` is told of every frame, its number
    and what the writer was given.
    """

    def __init__(self, source: Path, target: Path, job: Job, seen: Seen | None = None):
        assert job.certificate is not None
        self._path, self._job, self._source, self._target = job.certificate, job, source, target
        check_certificate(job, [source], target)
        AtomicFile(self._path, overwrite=job.overwrite, sources=(source,) if source.is_file() else ())  # for its checks
        if self._path.resolve() == target.resolve():
            raise UserError(f"the certificate {self._path} is the target too; name another file for it")
        pattern = SequencePath.parse(target)
        if pattern is not None and not job.overwrite and _numbers(pattern):
            raise UserError(
                f"{target} holds pictures already, and a certificate is of one whole run; choose another name, "
                "overwrite them (-y), or leave --certificate out"
            )
        self._sources = _files(source, self._path)
        self.numbers: list[int] = []
        self._frames: list[str] = []  # as JSON, which is small
        self._shares: list[list[float]] = []
        self._seen, self._sampled = seen, Sampled("")

    def delivers(self, delivery: str) -> None:
        """Told before the first frame: how the output is handed over."""
        self._sampled = Sampled(delivery)

    def add(self, number: int, made: "np.ndarray | Planes", matte: "np.ndarray | None" = None) -> None:
        """The frame of that number in the source: PQ BT.2020 [3,H,W] or ten-bit codes, and its matte [3,H,W]."""
        entry = {"number": number, **fingerprint(made)}
        self._sampled.add(made)
        if self._seen is not None:
            self._seen(number, made)
        if matte is not None:
            self._shares.append([round(float(mean), 6) for mean in matte.mean(axis=(1, 2), dtype=np.float64)])
            entry["shares"] = self._shares[-1]
        self.numbers.append(number)
        self._frames.append(json.dumps(entry))

    def write(self, report: Report, settings: Settings, pictures: Iterable[int] | None = None) -> None:
        """After the output is whole; ``pictures`` are the numbers of those that were written of a sequence."""
        import torch

        from lumaflux.inference.confidence import NAMES

        frames = [Frame.model_validate_json(line) for line in self._frames]
        for place, psnr in self._sampled.compared(self._target).items():
            frames[place].kept = psnr
        means = np.mean(self._shares, axis=0).round(6).tolist() if self._shares else []
        job = self._job
        adapters = job.adapters if job.adapters is not None and job.adapters.is_file() else None
        frozen, trained = weight_digests(job.model, adapters)
        whole = Certificate(
            source=self._sources,
            output=_files(self._target, self._path, pictures),
            model=rendering_identity(job),
            weights={"frozen": frozen, "adapters": trained},
            inputs=input_digests(job),
            settings=dataclasses.asdict(settings),
            options=_options(job, self._path),
            delivery=report.delivery,
            platform=platform_facts(job),
            threads=torch.get_num_threads(),
            damaged=report.damaged,
            invention=dict(zip(NAMES, means, strict=False)),
            frames=frames,
        )
        with AtomicFile(self._path, overwrite=job.overwrite) as file:
            file.partial.write_text(text_of(whole), "utf-8")


def check_certificate(job: Job, sources: list[Path], target: Path) -> None:
    """Raises UserError where the job asks for a certificate that cannot be."""
    if job.certificate is None:
        return
    if STANDARD in (*sources, target):
        raise UserError("a certificate is of files that stay; name files instead of - or leave --certificate out")
    if len(sources) > 1 or sources[0].is_dir():
        raise UserError("a certificate is of one output; convert each source alone, or leave --certificate out")
    if job.also:
        raise UserError("a certificate is of one output; leave --also out, or --certificate")
    if job.preview is not None:
        raise UserError("a preview has no certificate; leave --preview out, or --certificate")


def _options(job: Job, certificate: Path) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for field in dataclasses.fields(job):
        value = getattr(job, field.name)
        if field.name in _OF_THE_RUN or value == field.default:
            continue
        is_path = field.name in INPUTS and value != NO_TRACK and _is_there(Path(value))
        value = _beside(Path(value), certificate) if is_path else value
        kept[field.name] = str(value) if isinstance(value, Path) else value
    return kept


def _is_there(path: Path) -> bool:
    return path.exists() or "%" in path.name or "#" in path.name


def _beside(path: Path, certificate: Path) -> str:
    """Its place as the certificate sees it; absolute where they have no folder in common (drives of Windows)."""
    try:
        return Path(os.path.relpath(path, certificate.parent)).as_posix()
    except ValueError:
        return os.path.abspath(path)


def _numbers(pattern: SequencePath) -> list[int]:
    try:
        return pattern.numbers()
    except UserError:
        return []


def _files(path: Path, certificate: Path, pictures: Iterable[int] | None = None) -> Files:
    return Files(path=_beside(path, certificate), sha256=digests_of(path, pictures))
