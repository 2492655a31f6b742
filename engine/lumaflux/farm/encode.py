"""The step after the frames: pictures of a job into one video, with the time stamps and sound of its source."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lumaflux.digests import sha256
from lumaflux.errors import FrameError, UserError
from lumaflux.farm.encoded import Encoded, write_encoded
from lumaflux.farm.job import JobFolder
from lumaflux.media.standard_streams import STANDARD
from lumaflux.media.stills.frame_numbers import frame_list, frames_text
from lumaflux.options import EncodeOptions, SourceOptions, TargetOptions, part
from lumaflux.render.clip import write_hdr10plus
from lumaflux.render.encoded import Sampled
from lumaflux.render.job import Job, Progress, Report
from lumaflux.render.named_files import read_by, refuse_one_file
from lumaflux.render.source import Neighbors, Source
from lumaflux.render.targets import open_target

if TYPE_CHECKING:
    from lumaflux.media.sink import Channels


@dataclass(frozen=True, kw_only=True)
class EncodeRequest(EncodeOptions, TargetOptions):
    """How a job's frames become a video.

    Attributes:
        source: The clip, where it is not where the job found it.
        fps: The rate of a numbered sequence, which states none.
        only: The part of the frames that was rendered just now; nothing is encoded while others are not there yet.
    """

    source: Path | None = None
    fps: str | None = None
    only: str | None = None


def encode_job(
    job: JobFolder,
    target: Path,
    request: EncodeRequest | None = None,
    *,
    progress: Progress = lambda done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> int:
    """Encodes every frame of the job; returns how many. ``say`` is told what the target cannot hold, and where nothing
    is encoded yet.

    Raises FrameError when frames are missing or corrupt, UserError when source or target cannot be used.
    """
    request = request or EncodeRequest()
    _ = SourceOptions(fps=request.fps).frame_rate  # which raises
    manifest = job.manifest()
    numbers = frame_list(manifest.frames)
    if faults := [number for number in numbers if job.fault(number) is not None]:
        if request.only is not None and not set(faults) & set(frame_list(request.only)):
            say(f"nothing is encoded yet: frames {frames_text(faults)} of the job are not rendered.")
            return 0
        raise FrameError(f"frames {frames_text(faults)} are missing or damaged; render them before encoding.")
    reading = SourceOptions(**{**manifest.reading, "fps": request.fps})  # pyright: ignore[reportArgumentType]
    opened = Source(request.source or Path(manifest.source), reading)
    if opened.pattern is None and opened.digest != manifest.source_digest:
        raise UserError(f"{opened.path} is not the file that the frames were made of; name that one.")
    times = _times(opened) if opened.pattern is None else {number: (number - numbers[0], 1) for number in numbers}
    whole = part(Job, request, **vars(reading))
    asked = whole if len(numbers) == len(times) else part(Job, whole, frames=manifest.frames)
    asked.refuse_existing_metadata()
    read = [("the input", opened.path), ("the job's frames", job.pictures), *read_by(asked)]
    written = [("the target", target), ("--hdr10plus", asked.hdr10plus)]
    refuse_one_file(read, [(name, path) for name, path in written if path not in (None, STANDARD)])
    made = open_target(opened, target, opened.info, manifest.looks(), asked)
    sampled = Sampled(made.delivery)
    with made.sink as sink, closing(Neighbors(opened)) as pictures:
        for done, number in enumerate(numbers, 1):
            beside: Channels = {"sdr": pictures.read(number)} if made.wants_sdr else {}
            picture = read_picture(job.picture(number))
            sampled.add(picture)
            sink.write(picture, *made.stamp(number, *times[number]), **beside)
            progress(done, len(numbers))
    for note in made.sink.notes:
        say(note)
    report = Report(target=target)
    report.add_levels(made.sink.levels)
    write_hdr10plus(asked, report)
    if target != STANDARD:
        write_encoded(job, Encoded(video=target.name, sha256=sha256(target), kept=sampled.compared(target)))
    return len(numbers)


def _times(source: Source) -> dict[int, tuple[int, int | None]]:
    return dict(enumerate(_stamps(source)))


def _stamps(source: Source) -> Iterator[tuple[int, int | None]]:
    """Time stamps and durations as reading the file gives them; of raw streams, by decoding."""
    times = source.times
    if times is not None:
        durations = [b - a for a, b in zip(times.pts, times.pts[1:], strict=False)]
        yield from zip(times.pts, [*durations, times.last_duration], strict=True)
        return
    with source.open() as reader:
        for frame in reader.frames():
            yield frame.pts, frame.duration


def read_picture(path: Path) -> np.ndarray:
    """A frame of a job: PQ BT.2020 R'G'B' float32 [3,H,W] in [0,1]. Raises FrameError for what does not decode."""
    import OpenImageIO as oiio

    file = oiio.ImageInput.open(str(path))
    pixels = None if file is None else file.read_image(0, 0, 0, file.spec().nchannels, "uint16")
    complaint = oiio.geterror() if file is None else file.geterror()
    if file is None or pixels is None or complaint:
        raise FrameError(f"{path} does not decode ({complaint.strip() or 'no pixels'}); render it again.")
    spec = file.spec()
    file.close()
    whole = np.asarray(pixels).reshape(spec.height, spec.width, spec.nchannels)[..., :3]
    return np.ascontiguousarray(np.moveaxis(whole, -1, 0)).astype(np.float32) / np.float32(65535)
