"""Converts many files at a time: several sources, or all pictures or videos of a directory, by one loaded model."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from lumaflux.errors import FrameError, UserError
from lumaflux.render.also import refuse_also
from lumaflux.render.job import Job, Report, with_reports
from lumaflux.render.request import Request
from lumaflux.render.source import Source


def convert_directory(source: Path, target: Path, request: Request) -> list[Report]:
    """Every picture ``name.ext`` of ``source`` becomes one of that name in ``target``, which is made if missing.

    So does every video where there are no pictures, or a video delivery is asked for; other files are named.
    """
    from lumaflux.media.output_profiles import OUTPUT_PROFILES
    from lumaflux.media.stills.folder import pairs_of, sorted_out
    from lumaflux.render.stills import convert_stills

    job = request.job
    refuse_also(job, "for a directory")
    pictures, videos, skipped = sorted_out(source)
    named = OUTPUT_PROFILES.get(job.deliver or "")
    moving = bool(videos) and (not pictures if named is None else named.picture is None)
    if not (videos if moving else pictures):
        raise UserError(f"{source} holds no pictures and no videos; name a directory that does")
    others = pictures if moving else videos
    skipped += [f"{path} is skipped: its kind is converted apart from the others'." for path in others]
    if moving:
        pairs, convert_all = pairs_of(videos, target, _video_suffix(job)), convert_videos
    else:
        pairs, convert_all = pairs_of(pictures, target, _picture_suffix(job)), convert_stills
    reports: list[Report] = []
    try:
        reports = convert_all(pairs, request)
    except BaseException as ending:
        reports = getattr(ending, "reports", [])
        raise
    finally:
        for sentence in skipped if reports else ():
            reports[0].note(sentence)
    return reports


def convert_several(sources: Sequence[Path], target: Path, request: Request) -> list[Report]:
    """Videos and pictures, each to its name in the directory ``target``, which is made if missing; the videos first.

    A bad one does not stop the rest. Raises UserError for what is no single file, and for two of one name.
    """
    from lumaflux.media.stills.folder import is_picture, make_folder
    from lumaflux.media.stills.sequence_path import SequencePath
    from lumaflux.media.video.source import check_file
    from lumaflux.render.stills import convert_stills

    job = request.job
    refuse_also(job, "for several sources")
    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file; several sources go into a directory, which is named last")
    if not target.exists() and target.suffix:
        raise UserError(f"{target} names one file for {len(sources)} sources; name a directory, which is named last")
    if job.preview is not None or job.frames is not None or job.hdr10plus is not None:
        raise UserError("--preview, --frames and --hdr10plus go with one source; convert the others apart")
    for source in sources:
        if SequencePath.parse(source) is not None or source.is_dir():
            kind = "a directory" if source.is_dir() else "a numbered sequence"
            raise UserError(f"{source} is {kind}, which is converted alone; name files, or it as the only source")
        check_file(source)
    pictures: dict[Path, Path] = {}
    videos: dict[Path, Path] = {}
    for source in sources:
        pairs, suffix = (pictures, _picture_suffix(job)) if is_picture(source) else (videos, _video_suffix(job))
        written = target / f"{source.stem}{suffix}"
        if written in (*pictures.values(), *videos.values()):
            raise UserError(f"two sources would be {written}; convert one of them apart")
        pairs[source] = written
    make_folder(target)
    work = ((videos, convert_videos), (pictures, convert_stills))
    once = request.loading_once()
    reports, failures = _gathered(partial(convert_all, pairs, once) for pairs, convert_all in work)
    if failures:
        raise with_reports(FrameError("; ".join(failures)), reports)
    return reports


def _gathered(work: Iterable[Callable[[], list[Report]]]) -> tuple[list[Report], list[str]]:
    """The reports of ``work``, and what failed in words; what a user cannot mend ends it, with the reports so far."""
    reports: list[Report] = []
    failures: list[str] = []
    for convert in work:
        try:
            reports += convert()
        except UserError as error:
            reports += getattr(error, "reports", [])
            failures.append(str(error))
        except BaseException as ending:
            with_reports(ending, reports + getattr(ending, "reports", []))
            raise
    return reports, failures


def convert_videos(pairs: dict[Path, Path], request: Request) -> list[Report]:
    """One after the other; a bad one does not stop the rest. Raises FrameError naming the bad ones."""
    from lumaflux.render.clip import convert_clip

    job, once = request.job, request.loading_once()

    def converted(source: Path, target: Path) -> list[Report]:
        opened = Source(source, job, keep_going=job.keep_going)
        return [convert_clip(opened, target, once)]

    reports, failures = _gathered(partial(converted, source, target) for source, target in pairs.items())
    if failures:
        raise with_reports(
            FrameError(f"{len(failures)} of {len(pairs)} videos were not converted: {'; '.join(failures)}"), reports
        )
    return reports


def suffix_of(job: Job, *, picture: bool) -> str:
    """Of the result of one file among others. Raises UserError for a delivery that does not fit its kind."""
    return _picture_suffix(job) if picture else _video_suffix(job)


def _video_suffix(job: Job) -> str:
    """Raises UserError where pictures are asked for."""
    from lumaflux.media.output_profiles import OUTPUT_PROFILES

    named = OUTPUT_PROFILES.get(job.deliver or "hdr10")
    if named is None or named.picture is not None:
        raise UserError(f"a video among several sources is not delivered as {job.deliver}; convert it alone")
    return named.suffixes[0]


def _picture_suffix(job: Job) -> str:
    """Raises UserError where a video is asked for."""
    from lumaflux.media.output_profiles import OUTPUT_PROFILES

    name = job.deliver or "png"
    suffixes = {each: made.suffixes[0] for each, made in OUTPUT_PROFILES.items() if made.picture is not None}
    if name not in suffixes:
        raise UserError(f"pictures of a batch are delivered as {', '.join(suffixes)}, not as {name}")
    return suffixes[name]
