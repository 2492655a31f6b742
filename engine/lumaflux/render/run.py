"""``convert``: one door for clips, sequences, pictures and directories of pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError
from lumaflux.render.job import Job, Progress, Report
from lumaflux.render.source import Source
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter


def convert(
    source: Path,
    target: Path,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress = lambda done, total: None,
) -> list[Report]:
    """Converts a clip, a sequence, a picture, or every picture of a directory; one model load for all.

    The model is loaded only once input and target have been found sound. Raises UserError for bad input, FrameError
    for a frame that cannot be converted, KeyboardInterrupt saying what was kept when the user ended it.
    """
    from lumaflux.render.clip import convert_clip
    from lumaflux.render.motion_blending import check_motion_blending
    from lumaflux.render.stills import convert_directory, convert_preview, convert_stills

    check_motion_blending(job.motion_blending, settings, job.track)
    folder = source.is_dir()
    picture = not folder and is_picture(source)
    if job.motion_blending and (folder or picture):
        raise UserError("motion blending needs the frames of a clip; leave --motion-blending out for pictures")
    if job.hdr10plus is not None and (folder or picture or job.preview is not None):
        raise UserError("HDR10+ metadata belongs to a video; leave --hdr10plus out for pictures")
    if folder:
        return convert_directory(source, target, load_converter, settings, job, progress)
    if picture:
        if target.is_dir():
            target = target / f"{source.stem}.png"
        return convert_stills({source: target}, load_converter, settings, job, progress)
    opened = Source(source, job, keep_going=job.keep_going)
    if job.preview is not None:
        return [convert_preview(opened, target, load_converter, settings, job, progress)]
    if target.is_dir():
        raise UserError(f"{target} is a directory; name a file to write, or pictures such as {target}/shot.%04d.exr")
    return [convert_clip(opened, target, load_converter, settings, job, progress)]


def is_picture(source: Path) -> bool:
    """Whether a path names one picture: by its contents, as far as a picture's begin like one."""
    from lumaflux.media.stills.probe import is_still
    from lumaflux.media.stills.sequence_path import SequencePath
    from lumaflux.media.video.source import check_file

    return SequencePath.parse(source) is None and is_still(check_file(source))
