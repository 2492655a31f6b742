"""Converts a clip or a sequence: frames stream through decoder, model and encoder."""

import time
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.endings import Interruption
from lumaflux.errors import FrameError, UserError
from lumaflux.render.also import also_jobs
from lumaflux.render.clip_outputs import ClipOutputs
from lumaflux.render.clip_pass import ClipPass, WantedFrames
from lumaflux.render.job import Job, Report, chosen, name_pass, with_reports
from lumaflux.render.mask import Mask, open_mask
from lumaflux.render.matte import check_matte, matte_sink
from lumaflux.render.named_files import refuse_overwriting
from lumaflux.render.request import Request
from lumaflux.render.source import Source, settings_for
from lumaflux.render.targets import Target, open_target
from lumaflux.render.tones import check_match
from lumaflux.render.way_back import WayBack

if TYPE_CHECKING:
    from lumaflux.media.metadata.info import MediaInfo
    from lumaflux.render.recorder import Recorder


def convert_clip(source: Source, target: Path, request: Request) -> Report:
    """The model is loaded once input and target have been found sound and there is a frame to convert.

    Raises FrameError when frames were left out (``keep_going``), after the rest was written; KeyboardInterrupt, which
    says what was kept, when the user ended it.
    """
    refuse_overwriting([source.path], target, request.job)
    with Interruption("") as interruption:
        convert = _convert_exact if request.job.sdr_exact else _convert
        report = convert(source, target, request, interruption)
    if interruption.asked:  # while the last things were written
        raise with_reports(KeyboardInterrupt(f"{target} was being finished, and is whole"), [report])
    return report


def _convert_exact(source: Source, target: Path, request: Request, interruption: Interruption) -> Report:
    plain = replace(request.settings, graphics_white="off")  # graphics that are held at white have no way back
    with WayBack(target, plain, overwrite=request.job.overwrite) as back:
        report = _convert(source, target, replace(request, settings=plain), interruption, back)
        if request.job.sdr_residual:
            name_pass(request.progress, "last pass, residual")
            interruption.at_once = f"{target} is whole; its sidecar for the way back was not finished, and is left out"
            report.note(back.add_residual(source))
            interruption.at_once = None
        name_pass(request.progress, "last pass, comparison with the source")
        back.finish(source, report.shots)
    report.restored = back.measured()
    return report


def _convert(
    source: Source, target: Path, request: Request, interruption: Interruption, back: WayBack | None = None
) -> Report:
    job, report = request.job, Report(target=target, source=source.path)
    start = time.perf_counter()
    job.refuse_existing_metadata()
    recorder = None if job.certificate is None else _recorder(source.path, target, request)
    with source.open(chosen(job) if source.pattern is not None else None) as reader:
        settings, told_by = settings_for(request.settings, reader.info, source.path)
        jobs = [(target, job), *also_jobs(job, target)]
        demuxer = getattr(reader, "demuxer", None)
        targets = [open_target(source, path, reader.info, settings, own, demuxer) for path, own in jobs]
        report.delivery = targets[0].delivery
        size = (reader.info.width, reader.info.height)
        if recorder is not None:
            recorder.delivers(targets[0].delivery)
        if back is not None:
            back.check(targets[0].delivery)
        check_match(job, settings)
        check_matte(job.matte, target, targets[0].delivery, overwrite=job.overwrite)
        mask = open_mask(job.mask, size, source, chosen(job), job.limit)
        for note in (*_without_alpha(reader.info, targets), *told_by, *_dropped(reader.info)):
            report.note(note)
        matte = matte_sink(job.matte, size, time_base=targets[0].time_base, overwrite=job.overwrite)
        with ExitStack() as sinks, matte as mattes, _closing(mask):
            for made in targets:
                sinks.enter_context(made.sink)
            outputs = ClipOutputs(targets=targets, matte=job.matte, mattes=mattes, back=back, recorder=recorder)
            rendering = ClipPass(
                source=source,
                request=replace(request, settings=settings),
                frames=WantedFrames(reader, outputs, job, request.progress),
                outputs=outputs,
                mask=mask,
                report=report,
                interruption=interruption,
            )
            rendering.run()
            if interruption.asked:
                raise with_reports(KeyboardInterrupt(outputs.finish_early()), [report])
            if report.frames + report.skipped == 0:
                raise UserError(f"{source.path} has none of the frames that are asked for; nothing is written")
            finishing = time.perf_counter()
    report.add_stages({"encode": time.perf_counter() - finishing})
    for note in (*outputs.notes, *reader.notes):
        report.note(note)
    report.damaged = reader.damaged
    report.add_levels(targets[0].sink.levels)
    report.confidence = outputs.sums.shares
    report.also = {str(path): made.delivery for (path, _), made in zip(jobs[1:], targets[1:], strict=True)}
    write_hdr10plus(job, report)
    report.seconds = time.perf_counter() - start - report.stages.pop("load", 0.0)
    if recorder is not None:
        recorder.write(report, settings, outputs.recorded_pictures())
    if report.damaged:
        report.note(f"{report.damaged} damaged or missing places of {source.path} were left out or concealed.")
    return report


def _recorder(source: Path, target: Path, request: Request) -> "Recorder":
    from lumaflux.render.recorder import Recorder  # few ask for it

    return Recorder(source, target, request.job, request.seen)


def _without_alpha(info: "MediaInfo", targets: list[Target]) -> list[str]:
    left_out = [made.delivery for made in targets if info.alpha and not made.keeps_alpha]
    return [f"Alpha is left out: {delivery} holds none." for delivery in left_out]


def _dropped(info: "MediaInfo") -> list[str]:
    return [f"The source's {what} is left out." for what in info.dropped]


def _closing(mask: Mask | None) -> AbstractContextManager[object]:
    return nullcontext() if mask is None else closing(mask)


def write_hdr10plus(job: Job, report: Report) -> None:
    """The JSON file of a finished video's scenes, where the job names one."""
    if job.hdr10plus is None:
        return
    from lumaflux.media.metadata.hdr10plus import Scene, write_json

    scenes = [Scene(frames=shot.last + 1 - shot.first, light=shot.dynamic) for shot in report.shots]
    write_json(job.hdr10plus, scenes, overwrite=job.overwrite)


def refuse_damage(report: Report) -> None:
    """Raise FrameError when frames of a finished conversion were damaged."""
    if report.damaged:
        raise FrameError(f"{report.target} is written, but {report.damaged} places of {report.source} were damaged")
