"""The step after the frames: pictures of a job into one HDR10 file, with the time stamps and sound of its source."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from lumaflux.errors import FrameError, UserError
from lumaflux.farm.frame_set import frames_text, parse_frames
from lumaflux.farm.job import JobFolder, Manifest

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class _Timing:
    pts: Mapping[int, tuple[int, int | None]]  # by frame: time stamp and duration
    time_base: Fraction
    rate: Fraction
    aspect: Fraction
    sound: bool


def encode_job(
    job: JobFolder,
    target: Path,
    source: Path | None = None,
    *,
    copy_audio: bool = True,
    overwrite: bool = False,
    rate: Fraction | None = None,
    progress: Progress = lambda done, total: None,
) -> int:
    """Encodes every frame of the job; returns how many. ``rate`` is of numbered sequences, which state none.

    Raises FrameError when frames are missing or corrupt, UserError when source or target cannot be used.
    """
    from lumaflux.media.video.hdr10_writer import Hdr10Writer

    manifest = job.manifest()
    numbers = parse_frames(manifest.frames)
    if faults := [number for number in numbers if job.fault(number) is not None]:
        raise FrameError(f"frames {frames_text(faults)} are missing or damaged; render them before encoding.")
    source = source or Path(manifest.source)
    timing = _timing(manifest, source, numbers, rate)
    whole = len(numbers) == len(timing.pts)
    sound = source if timing.sound and copy_audio and numbers[0] == 0 else None  # a later part has another time
    writer = Hdr10Writer(
        target,
        manifest.width,
        manifest.height,
        timing.time_base,
        frame_rate=timing.rate,
        source=sound,
        copy_audio=sound is not None,
        trim_audio=not whole,
        master_peak_nits=manifest.looks().target_peak,
        sample_aspect_ratio=timing.aspect,
        overwrite=overwrite,
    )
    begin = timing.pts[numbers[0]][0] if not whole else 0
    with writer:
        for done, number in enumerate(numbers, 1):
            pts, duration = timing.pts[number]
            writer.write(read_picture(job.picture(number)), pts - begin, duration)
            progress(done, len(numbers))
    return len(numbers)


def _timing(manifest: Manifest, source: Path, numbers: list[int], rate: Fraction | None) -> _Timing:
    if manifest.source_kind == "sequence":
        rate = rate or Fraction(24)
        pts = {number: (number - numbers[0], 1) for number in numbers}
        return _Timing(pts=pts, time_base=1 / rate, rate=rate, aspect=Fraction(1), sound=False)
    from lumaflux.media.metadata.info import probe
    from lumaflux.render.numbered_source import digest_of_file

    info = probe(source)
    if digest_of_file(source) != manifest.source_digest:
        raise UserError(f"{source} is not the file that the frames were made of; name that one.")
    times = dict(enumerate(_times(source)))
    base = info.time_base or Fraction(1, 90000)
    frame_rate = rate or info.frame_rate or Fraction(25)
    return _Timing(pts=times, time_base=base, rate=frame_rate, aspect=info.sample_aspect_ratio, sound=bool(info.audio))


def _times(source: Path) -> Iterator[tuple[int, int | None]]:
    """Time stamps and durations as reading the file gives them; of raw streams, by decoding."""
    from lumaflux.media.video.numbered_frames import frame_times
    from lumaflux.media.video.reader import VideoReader

    times = frame_times(source)
    if times is not None:
        durations = [b - a for a, b in zip(times.pts, times.pts[1:], strict=False)]
        yield from zip(times.pts, [*durations, times.last_duration], strict=True)
        return
    with VideoReader(source) as reader:
        for frame in reader:
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
