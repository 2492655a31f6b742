"""The unit of work: any frames of a job, in any order, on any worker. Done ones are kept, bad ones are named."""

import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.digests import file_digest
from lumaflux.errors import UserError
from lumaflux.farm.job import JobFolder, Manifest, Record
from lumaflux.farm.job_spec import JobSpec
from lumaflux.farm.manifest import manifest_of, source_of
from lumaflux.farm.tone_tracks import track_of_job
from lumaflux.media.atomic_file import cannot_write
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.options import EncodeOptions
from lumaflux.render import loop
from lumaflux.render.frame_renderer import FrameRenderer, blended
from lumaflux.render.job import Progress
from lumaflux.render.manifest import input_digest
from lumaflux.render.mask import Mask
from lumaflux.render.matte import PICTURES, Pictures
from lumaflux.render.named_files import Named, read_by, refuse_one_file
from lumaflux.render.source import Source
from lumaflux.render.tones import Tones
from lumaflux.torch_import import import_torch

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

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
    mask: Mask | None = None
    mattes: Pictures | None = None
    loads: int = 0
    _converter: "Converter | None" = None

    def converter(self) -> "Converter":
        if self._converter is None:
            import torch

            torch.set_num_threads(self.manifest.threads)
            self._converter = self.load_converter()
            self.loads += 1
        return self._converter

    def frame_digest(self, number: int) -> str:
        """What tells the input of a frame from another, with the neighbors that have a share in it. Raises OSError for
        a picture that is gone."""
        own = self.source.frame_digest(number)
        if not self.manifest.motion_blending:
            return own
        from lumaflux.inference.gain_blending import REACH

        return input_digest(self.source, [number, *self.tones.around(number, REACH)])


def render_frames(
    job: JobFolder, renderer: Renderer, numbers: Sequence[int], progress: Progress = lambda done, total: None
) -> Chunk:
    """Renders those of ``numbers`` that are not done and sound. A bad frame does not stop the others.

    Raises UserError when the output cannot be written, or the input or pictures of the mask have vanished, WorkerError
    after many failures in a row: these are no frame's fault.
    """
    chunk, start = Chunk(), time.monotonic()
    todo: deque[int] = deque()
    for number in sorted(set(numbers)):
        if is_done(job, renderer, number):
            chunk.kept.append(number)
        else:
            todo.append(number)
    if renderer.mask is not None:
        renderer.mask.check(lambda: todo)
    total = len(chunk.kept) + len(todo)
    progress(len(chunk.kept), total)
    digests: dict[int, str] = {}
    in_a_row = 0

    def begun(number: int) -> None:
        digests[number] = renderer.frame_digest(number)

    def write(made: loop.Rendered) -> None:
        number = made.frame.number
        _write(job, renderer, made, digests.pop(number))
        chunk.rendered.append(number)
        progress(len(chunk.kept) + len(chunk.rendered) + len(chunk.failed), total)

    def handed_over(made: loop.Rendered) -> None:
        nonlocal in_a_row
        todo.popleft()
        in_a_row = 0

    with _frame_renderer(renderer) as the_renderer:
        while todo:
            try:
                loop.render_frames(
                    renderer.source.read(list(todo)), the_renderer, write, begun=begun, rendered=handed_over
                )
            except _OutputError as error:
                raise UserError(str(error)) from None
            except (UserError, RuntimeError, ValueError, MemoryError, OSError) as error:
                number, in_a_row = todo.popleft(), in_a_row + 1
                reason = str(error) or type(error).__name__
                _judge(renderer.source, number, reason, in_a_row)
                job.write_failure(number, reason)
                chunk.failed[number] = reason
    chunk.seconds = time.monotonic() - start
    return chunk


@contextmanager
def _frame_renderer(renderer: Renderer) -> Iterator[Callable[[], FrameRenderer]]:
    """What gives the job's frame renderer, made when it is first asked for; it is closed at the end."""
    with ExitStack() as opened:

        @cache
        def made() -> FrameRenderer:
            manifest = renderer.manifest
            plain = FrameRenderer(
                converter=renderer.converter(),
                settings=manifest.looks(),
                tones=renderer.tones,
                mask=renderer.mask,
                wants_matte=renderer.mattes is not None,
            )
            return opened.enter_context(blended(plain, renderer.source, manifest.motion_blending))

        yield made


def is_done(job: JobFolder, renderer: Renderer, number: int) -> bool:
    """Whether a frame is there, as recorded, and of the picture that is there now."""
    if job.fault(number) is not None:
        return False
    if renderer.mattes is not None and not renderer.mattes.holds(number):
        return False
    record = job.record(number)
    try:
        return record is not None and record.source == renderer.frame_digest(number)
    except OSError:
        return True  # the input may be gone once the frame is made


class _OutputError(Exception):
    pass


def _judge(source: Source, number: int, reason: str, in_a_row: int) -> None:
    there = source.path if source.pattern is None else source.path.parent
    if not there.exists():
        raise UserError(f"the input {source.path} is gone; bring it back and start again: finished frames are kept.")
    if in_a_row >= _IN_A_ROW:
        raise WorkerError(f"{in_a_row} frames in a row failed here, the last {number}: {reason}")


def _write(job: JobFolder, renderer: Renderer, made: loop.Rendered, source_digest: str) -> None:
    from lumaflux.media.stills.picture import write_still

    assert made.hdr_pq is not None  # codes are for videos
    number = made.frame.number
    picture, begun = job.picture(number), time.monotonic()
    try:
        peak = renderer.manifest.looks().target_peak
        if renderer.mattes is not None and made.matte is not None:
            renderer.mattes.write(made.matte, number)
        levels = write_still(picture, made.hdr_pq, master_peak_nits=peak, overwrite=True)
        job.write_record(
            Record(
                frame=number,
                digest=file_digest(picture),
                size=picture.stat().st_size,
                source=source_digest,
                seconds=round(made.seconds + time.monotonic() - begun, 4),
                max_nits=round(levels.max_cll_nits, 3),
                average_nits=round(levels.max_fall_nits, 3),
                host=socket.gethostname(),
            )
        )
    except Exception as error:  # whatever a writer says of a full disk, the frame is not to blame
        said = error if isinstance(error, UserError) else cannot_write(picture, error)
        raise _OutputError(f"{said} Finished frames are kept.") from error


def open_renderer(spec: JobSpec, job: JobFolder) -> Renderer:
    """Makes the folder the job's, with its tone track. Raises UserError where it is another's, for bad input, and for
    an input among the frames."""
    refuse_inputs(spec, [("the job's frames", job.pictures)])
    source = source_of(spec)
    info = source.info  # before a track is made of it
    mask = None if spec.mask is None else Mask(spec.mask, (info.width, info.height), source)
    path = track_of_job(spec, source, job.folder)
    manifest = manifest_of(spec, source, path)
    job.claim(manifest)
    tones = Tones()
    if path is not None:
        from lumaflux.inference.tone_track import read_track

        tones = Tones(read_track(path), source.numbers if source.pattern is not None else None, spec.every_frame)
    return Renderer(
        manifest=manifest,
        source=source,
        load_converter=loader(spec),
        tones=tones,
        mask=mask,
        mattes=_mattes(spec.matte, job),
    )


def refuse_inputs(spec: JobSpec, written: Sequence[Named], video: EncodeOptions | None = None) -> None:
    """Raises UserError where one of these, or another file that the options name to be written, is an input."""
    read = [("the input", spec.source), *read_by(spec, video)]
    named = (("--matte", spec.matte), ("--hdr10plus", None if video is None else video.hdr10plus))
    refuse_one_file(read, [*written, *((name, path) for name, path in named if path is not None)])


def _mattes(matte: Path | None, job: JobFolder) -> Pictures | None:
    """Raises UserError for mattes that are no numbered pictures, or that would lie among the frames."""
    if matte is None:
        return None
    if SequencePath.parse(matte) is None or matte.suffix.lower() not in PICTURES:
        raise UserError(f"{matte} cannot hold a job's mattes; name pictures, which workers write: mattes/m.%07d.png")
    if matte.parent.resolve() == job.folder.resolve():
        raise UserError(f"{matte} lies among the frames of the job; name another folder for the mattes")
    try:
        matte.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{matte.parent} cannot be made: {error.strerror}; choose another folder") from None
    return Pictures(matte, overwrite=True)


def loader(spec: JobSpec) -> "Callable[[], Converter]":
    """Loads the job's model."""

    def load():
        import_torch()
        from lumaflux.inference.load import load_chosen

        return load_chosen(spec)

    return load
