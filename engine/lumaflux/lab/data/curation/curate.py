"""The corpus, made segment by segment: in this process, on several, or on a Ray cluster, with the same result.

A finished segment leaves its shard and a marker below ``.done``; a run that was stopped at any point makes what has no
marker, and removes what no marker names.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from hashlib import sha256 as digest_of
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from lumaflux.digests import sha256
from lumaflux.errors import UserError
from lumaflux.lab.data.curation.degradation import Degraded, degrade
from lumaflux.lab.data.curation.frames import hdr_frames, pair_frames
from lumaflux.lab.data.curation.segments import Segment, plan
from lumaflux.lab.data.curation.specification import CorpusSpecification
from lumaflux.lab.data.shards import HDR_FULL_SCALE, MANIFEST, Corpus, Rendering, Shard, write_corpus, write_shard
from lumaflux.lab.data.sources import SourceFolders
from lumaflux.lab.data.x264_clip import quantise_sdr

DONE, SPECIFICATION = ".done", "specification.json"
Progress = Callable[[int, int | None], None]
Mapper = Callable[[Callable[[Segment], Shard], list[Segment]], Iterator[Shard]]


def curate(
    specification: CorpusSpecification,
    out: Path,
    folders: SourceFolders,
    *,
    workers: int = 1,
    ray: bool = False,
    progress: Progress = lambda done, total: None,
) -> Corpus:
    """Makes, or completes, the corpus in ``out`` of the sources in ``folders``.

    Raises UserError for sources that are missing, unreadable or not HDR, for a folder that holds another corpus, and
    when the disk is full: what is finished is kept.
    """
    segments = plan(specification, folders)
    _claim(out, specification)
    made = {segment.name: shard for segment in segments if (shard := _finished(out, segment)) is not None}
    missing = [segment for segment in segments if segment.name not in made]
    progress(len(made), len(segments))
    with _mapper(workers, ray=ray) as spread:
        work = StretchWork(specification, out)
        for segment, shard in zip(missing, spread(work, missing), strict=True):
            made[segment.name] = shard
            progress(len(made), len(segments))
    shards = tuple(made[segment.name] for segment in segments)
    corpus = Corpus(size=specification.size, specification=specification.model_dump(mode="json"), shards=shards)
    _remove_strays(out, {shard.file for shard in shards})
    write_corpus(out, corpus)
    return corpus


class StretchWork:
    """Makes one segment, in whatever process: a shard, then its marker."""

    def __init__(self, specification: CorpusSpecification, out: Path):
        self.specification, self.out = specification, out

    def __call__(self, segment: Segment) -> Shard:
        try:
            return self._make(segment)
        except OSError as error:
            raise UserError(f"{self.out} cannot be written ({error.strerror}); what is finished is kept") from None

    def _make(self, segment: Segment) -> Shard:
        hdr, versions = self._versions(segment)
        sdr = np.concatenate([version.frames for version in versions])
        file, checksum = write_shard(
            self.out,
            np.rint(hdr * HDR_FULL_SCALE).astype(np.uint16),
            sdr,
            list(range(len(hdr))) * len(versions),
        )
        shard = Shard(
            file=file,
            sha256=checksum,
            source=segment.source,
            scene=segment.scene,
            split=segment.split,
            content=segment.content,
            licence=segment.licence,
            hdr=len(hdr),
            renderings=tuple(version.rendering for version in versions for _ in range(len(hdr))),
        )
        _mark(self.out, segment, shard)
        return shard

    def _versions(self, segment: Segment) -> tuple[np.ndarray, list[Degraded]]:
        """The masters kept [K,3,S,S], and the SDR versions of the same frames."""
        specification = self.specification
        if segment.rendering is not None:
            sdr, hdr = pair_frames(segment, specification)
            rendering = Rendering(name=segment.rendering, crf=segment.crf)
            return hdr, [Degraded(frames=quantise_sdr(sdr), rendering=rendering)]
        hdr = hdr_frames(segment, specification)
        kept = np.linspace(0, len(hdr) - 1, specification.kept + 2).round().astype(int)[1:-1]
        kept = kept if specification.kept < len(hdr) else np.arange(len(hdr))
        seeds = segment.numbers(specification.seed + 1).integers(1 << 48, size=specification.renderings)
        versions = []
        for seed in seeds:
            version = degrade(hdr, specification, int(seed), video=segment.kind != "still")
            versions.append(Degraded(frames=version.frames[kept], rendering=version.rendering))
        return hdr[kept], versions


def _claim(out: Path, specification: CorpusSpecification) -> None:
    """Makes the folder; raises UserError when it belongs to another specification."""
    wanted = specification.model_dump_json(indent=1) + "\n"
    path = out / SPECIFICATION
    try:
        (out / DONE).mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_text() != wanted:
            raise UserError(f"{out} holds the corpus of another specification; choose another folder, or remove it")
        temporary = path.with_name(f".{path.name}.partial")
        temporary.write_text(wanted)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); choose another folder") from None


def _marker(out: Path, segment: Segment) -> Path:
    return out / DONE / f"{digest_of(segment.name.encode()).hexdigest()[:24]}.json"


def _mark(out: Path, segment: Segment, shard: Shard) -> None:
    marker = _marker(out, segment)
    temporary = marker.with_suffix(f".{os.getpid()}.partial")
    try:
        temporary.write_text(shard.model_dump_json())
        os.replace(temporary, marker)
    finally:
        temporary.unlink(missing_ok=True)


def _finished(out: Path, segment: Segment) -> Shard | None:
    """The segment's shard where it was made and is still whole."""
    try:
        shard = Shard.model_validate_json(_marker(out, segment).read_bytes())
    except (OSError, ValueError):
        return None
    path = out / shard.file
    return shard if path.is_file() and sha256(path) == shard.sha256 else None


def _remove_strays(out: Path, wanted: Iterable[str]) -> None:
    """Temporary files of a killed run, and shards of no segment."""
    keep = {*wanted, MANIFEST, SPECIFICATION}
    for path in [*out.iterdir(), *(out / DONE).glob("*.partial")]:
        if path.is_file() and path.name not in keep and path.suffix in (".safetensors", ".partial"):
            path.unlink()


@contextmanager
def _mapper(workers: int, *, ray: bool) -> Iterator[Mapper]:
    """Something like ``map`` that keeps the order and spreads the calls."""
    if ray:
        from lumaflux.lab.data.curation.ray_cluster import ray_map

        yield ray_map
    elif workers == 1:
        yield lambda work, segments: map(work, segments)
    else:
        with _one_thread_of_blas(), ProcessPoolExecutor(workers, get_context("spawn"), _one_thread) as pool:
            try:
                yield lambda work, segments: pool.map(work, segments)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@contextmanager
def _one_thread_of_blas() -> Iterator[None]:
    """For processes started meanwhile: NumPy's BLAS reads its number of threads when it is loaded.

    On a full machine its threads have been seen to wait for each other without end.
    """
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _one_thread() -> None:
    """Workers share the cores by one thread each, and leave Ctrl-C to the parent."""
    import signal

    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
