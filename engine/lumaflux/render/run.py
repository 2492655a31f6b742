"""``convert``: one door for clips, sequences, pictures, several of them, directories and standard streams."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError
from lumaflux.options import SEQUENCE_RATE
from lumaflux.render.job import Job, Progress, Report
from lumaflux.render.matte import in_the_picture
from lumaflux.render.source import Source
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter
    from lumaflux.render.request import Request


def convert(
    source: Path | Sequence[Path],
    target: Path,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress = lambda done, total: None,
) -> list[Report]:
    """Converts a clip, a sequence, a picture, several files, or all of a directory; one model load for all.

    Args:
        source: What is converted; ``-`` is standard input.
        target: What is written; its suffix or ``job.deliver`` says how. ``-`` is standard output.
        load_converter: Loads the model; called only once input and target have been found sound.
        settings: The look.
        job: All that is no look: frames, delivery, tone track, and so on.
        progress: Called with the frames that are done and, where it is known, the number of all.

    Returns:
        A report for each file: frames, light levels, seconds by stage.

    Raises:
        UserError: Bad input or a target that cannot be written.
        FrameError: A frame that cannot be converted; all others are.
        KeyboardInterrupt: The user ended it; it says what was kept. Each has the ``reports`` of what was done before.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> import lumaflux
        >>> from PIL import Image
        >>> from lumaflux.render.job import Job
        >>> from lumaflux.settings import Settings
        >>> folder = Path(mkdtemp())
        >>> Image.new("RGB", (48, 32), "grey").save(folder / "grey.png")
        >>> source, target = folder / "grey.png", folder / "grey-hdr.png"
        >>> reports = convert(source, target, lambda: lumaflux.load("lite"), Settings(strength=0), Job())
        >>> reports[0].frames, target.is_file()
        (1, True)
    """
    from lumaflux.render.request import Request

    return fulfill(
        source, target, Request(load_converter=load_converter, settings=settings, job=job, progress=progress)
    )


def fulfill(source: Path | Sequence[Path], target: Path, request: "Request") -> list[Report]:
    """`convert`, of a request with all that can be asked for."""
    from lumaflux.media.standard_streams import STANDARD, rename_input, stored_input
    from lumaflux.render.batches import convert_several
    from lumaflux.render.named_files import refuse_overwriting

    job = request.job
    sources = [source] if isinstance(source, Path) else list(source)
    refuse_overwriting(sources, target, job)
    if job.certificate is not None:
        from lumaflux.render.recorder import check_certificate

        check_certificate(job, sources, target)
    if sources != [STANDARD]:
        if STANDARD in sources:
            raise UserError("standard input (-) is converted alone; name no other source beside it")
        if job.frame is not None:
            raise UserError("--size and --pix-fmt are of raw frames in standard input; name - as the source (< FILE)")
        if (len(sources) > 1 or sources[0].is_dir()) and job.matte is not None and not in_the_picture(job.matte):
            raise UserError("several files have several mattes; write them into EXR pictures, by --matte channels")
        if len(sources) == 1:
            return _convert_one(sources[0], target, request)
        if target == STANDARD:
            raise UserError("standard output (-) takes one video; name a directory for several sources")
        return convert_several(sources, target, request)
    with stored_input(job, job.frame_rate or SEQUENCE_RATE) as stored:
        reports = _convert_one(stored, target, request)
        for report in reports:
            rename_input(report, stored)
    return reports


def _convert_one(source: Path, target: Path, request: "Request") -> list[Report]:
    from lumaflux.media.standard_streams import STANDARD
    from lumaflux.media.stills.folder import is_picture
    from lumaflux.render.batches import convert_directory
    from lumaflux.render.clip import convert_clip
    from lumaflux.render.motion_blending import check_motion_blending
    from lumaflux.render.stills import convert_preview, convert_stills

    job = request.job
    check_motion_blending(job.motion_blending, request.settings, job.track)
    folder = source.is_dir()
    picture = not folder and is_picture(source)
    if target == STANDARD and (folder or picture or job.preview is not None):
        raise UserError("standard output (-) takes one video; name a file for a picture, a directory for a directory")
    if job.motion_blending and (folder or picture):
        raise UserError("motion blending needs the frames of a clip; leave --motion-blending out for pictures")
    if job.hdr10plus is not None and (folder or picture or job.preview is not None):
        raise UserError("HDR10+ metadata belongs to a video; leave --hdr10plus out for pictures")
    if folder:
        return convert_directory(source, target, request)
    if picture:
        if target.is_dir():
            target = target / f"{source.stem}.png"
        return convert_stills({source: target}, request)
    opened = Source(source, job, keep_going=job.keep_going)
    if job.preview is not None:
        return [convert_preview(opened, target, request)]
    if target.is_dir():
        raise UserError(f"{target} is a directory; name a file to write, or pictures such as {target}/shot.%04d.exr")
    return [convert_clip(opened, target, request)]
