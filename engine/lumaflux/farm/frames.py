"""The unit of work: any frames of a job, in any order, on any worker. Done ones are kept, bad ones are named."""

import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lumaflux.errors import UserError
from lumaflux.farm.job import JobFolder, Manifest, Record, file_digest
from lumaflux.farm.manifest import Order, manifest_of
from lumaflux.farm.tone_tracks import track_of_job
from lumaflux.render.motion_blending import MotionBlending
from lumaflux.render.numbered_source import NumberedPictures, Source, digest_of_text
from lumaflux.render.pipeline import Consumer, Prefetched
from lumaflux.render.tones import Tones

if TYPE_CHECKING:
    import numpy as np

    from lumaflux.inference.converter import Converter

Progress = Callable[[int, int | None], None]
_IN_A_ROW = 8  # frames that fail one after the other before the worker, not the frames, is to blame


class WorkerError(UserError):
    """This worker cannot go on, whatever the frame; the rest may succeed elsewhere. The command exits with 4."""

    exit_code = 4


@dataclass(kw_only=True)
class Chunk:
    """What became of a set of frames. ``failed``: the reason by number."""

    rendered: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, other: "Chunk") -> None:
        self.rendered += other.rendered
        self.kept += other.kept
        self.failed |= other.failed
        self.seconds += other.seconds


@dataclass(kw_only=True)
class Renderer:
    """A loaded model for one job. ``loads`` counts how often the model was loaded: once, if at all."""

    manifest: Manifest
    source: Source
    load_converter: "Callable[[], Converter]"
    tones: Tones = field(default_factory=Tones)
    loads: int = 0
    _converter: "Converter | None" = None
    _blending: MotionBlending | None = None

    def converter(self) -> "Converter":
        if self._converter is None:
            import torch

            torch.set_num_threads(self.manifest.threads)
            self._converter = self.load_converter()
            self.loads += 1
        return self._converter

    def render(self, number: int, sdr: "np.ndarray") -> "np.ndarray":
        from lumaflux.media.metadata.light_levels import check_frame

        converter, looks = self.converter(), self.manifest.looks()
        settings, tone = self.tones.at(number, looks)
        if self.manifest.motion_blending and self._blending is None:
            read = NumberedPictures(self.source).read
            self._blending = MotionBlending(converter, self.tones, looks, self.manifest.motion_blending, read)
        light = None if self._blending is None else self._blending.light(number, sdr)
        hdr_pq = converter.render_timed(sdr, settings, tone=tone, light=light)[0]
        check_frame(hdr_pq)
        return hdr_pq

    def frame_digest(self, number: int) -> str:
        """What tells the input of a frame from another, with the neighbours that have a share in it."""
        if not self.manifest.motion_blending:
            return self.source.frame_digest(number)
        from lumaflux.inference.gain_blending import REACH

        digests = [self.source.frame_digest(number)]
        for near in self.tones.around(number, REACH):
            try:
                digests.append(self.source.frame_digest(near))
            except OSError:
                digests.append("none")
        return digest_of_text(" ".join(digests)) if any(digests) else ""


def load_as(manifest: Manifest) -> "Callable[[], Converter]":
    """Loads the manifest's model on its kind of device."""

    def load():
        from lumaflux.inference.load import load

        return load(manifest.model, device=manifest.device, dtype=manifest.precision)

    return load


def render_frames(
    job: JobFolder, renderer: Renderer, numbers: Sequence[int], progress: Progress = lambda done, total: None
) -> Chunk:
    """Renders those of ``numbers`` that are not done and sound. A bad frame does not stop the others.

    Raises UserError when the output cannot be written or the input has vanished, WorkerError after many failures in
    a row: both are no frame's fault.
    """
    chunk, start = Chunk(), time.monotonic()
    todo: deque[int] = deque()
    for number in sorted(set(numbers)):
        if is_done(job, renderer, number):
            chunk.kept.append(number)
        else:
            todo.append(number)
    total = len(chunk.kept) + len(todo)
    progress(len(chunk.kept), total)

    def take(made: _Made) -> None:
        _write(job, renderer, made)
        chunk.rendered.append(made.number)
        progress(len(chunk.kept) + len(chunk.rendered) + len(chunk.failed), total)

    writer = Consumer(take)
    in_a_row = 0
    try:
        while todo:
            number = todo[0]
            try:
                for made in _made(renderer, list(todo)):
                    writer.put(made)
                    todo.popleft()
                    in_a_row = 0
            except (UserError, RuntimeError, ValueError, MemoryError, OSError) as error:
                number, in_a_row = todo.popleft(), in_a_row + 1
                reason = str(error) or type(error).__name__
                _judge(renderer.source, number, reason, in_a_row)
                job.write_failure(number, reason)
                chunk.failed[number] = reason
        writer.finish()
    except _OutputError as error:
        raise UserError(str(error)) from None
    finally:
        writer.close()
    chunk.seconds = time.monotonic() - start
    return chunk


@dataclass(frozen=True, kw_only=True)
class _Made:
    number: int
    hdr_pq: "np.ndarray"
    source: str  # digest of the frame's input
    seconds: float


def _made(renderer: Renderer, numbers: list[int]) -> Iterator[_Made]:
    """Reads ahead in a thread of its own while frames are rendered in this one."""
    frames = renderer.source.read(numbers)
    ahead = Prefetched(frames)
    try:
        for number, sdr in ahead:
            digest, begun = renderer.frame_digest(number), time.monotonic()
            hdr_pq = renderer.render(number, sdr)
            yield _Made(number=number, hdr_pq=hdr_pq, source=digest, seconds=time.monotonic() - begun)
    finally:
        ahead.close()
        frames.close()


def is_done(job: JobFolder, renderer: Renderer, number: int) -> bool:
    """Whether a frame is there, as recorded, and of the picture that is there now."""
    if job.fault(number) is not None:
        return False
    record = job.record(number)
    try:
        return record is not None and record.source == renderer.frame_digest(number)
    except OSError:
        return True  # the input may be gone once the frame is made


class _OutputError(Exception):
    pass


def _judge(source: Source, number: int, reason: str, in_a_row: int) -> None:
    there = source.path if source.kind == "video" else source.path.parent
    if not there.exists():
        raise UserError(f"the input {source.path} is gone; bring it back and start again: finished frames are kept.")
    if in_a_row >= _IN_A_ROW:
        raise WorkerError(f"{in_a_row} frames in a row failed here, the last {number}: {reason}")


def _write(job: JobFolder, renderer: Renderer, made: _Made) -> None:
    from lumaflux.media.stills.picture import write_still

    picture, begun = job.picture(made.number), time.monotonic()
    try:
        peak = renderer.manifest.looks().target_peak
        levels = write_still(picture, made.hdr_pq, master_peak_nits=peak, overwrite=True)
        digest, size = file_digest(picture)
        job.write_record(
            Record(
                frame=made.number,
                digest=digest,
                size=size,
                source=made.source,
                seconds=round(made.seconds + time.monotonic() - begun, 4),
                max_nits=round(levels.max_cll_nits, 3),
                average_nits=round(levels.max_fall_nits, 3),
                host=socket.gethostname(),
            )
        )
    except Exception as error:  # whatever a writer says of a full disk, the frame is not to blame
        words = getattr(error, "strerror", None) or str(error)
        raise _OutputError(
            f"{picture} cannot be written ({words}); is the disk full? Finished frames are kept."
        ) from error


def open_renderer(order: Order, job: JobFolder) -> Renderer:
    """Makes the folder the order's, with its tone track. Raises UserError where it is another's, or for bad input."""
    path = track_of_job(order, job.folder)
    manifest, source = manifest_of(order, path)
    job.claim(manifest)
    tones = Tones()
    if path is not None:
        from lumaflux.inference.tone_track import read_track

        tones = Tones(read_track(path), source.numbers if source.kind == "sequence" else None)
    return Renderer(manifest=manifest, source=source, load_converter=load_as(manifest), tones=tones)
