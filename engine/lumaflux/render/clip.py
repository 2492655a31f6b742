"""Converts a clip or a sequence: frames stream through decoder, model and encoder."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.endings import Interruption
from lumaflux.errors import FrameError, UserError
from lumaflux.inference.weights import weights_identity
from lumaflux.render.also import also_jobs
from lumaflux.render.clip_outputs import ClipOutputs
from lumaflux.render.frame_renderer import FrameRenderer, blended
from lumaflux.render.growing_track import GrowingTrack
from lumaflux.render.job import Job, Progress, Report, chosen, name_pass, name_wait, with_reports
from lumaflux.render.loop import Rendered, render_frames
from lumaflux.render.mask import Mask, open_mask
from lumaflux.render.matte import check_matte, matte_sink
from lumaflux.render.request import Request
from lumaflux.render.source import Reader, Source, settings_for
from lumaflux.render.targets import open_target
from lumaflux.render.tones import ToneRequest, check_match
from lumaflux.render.way_back import WayBack

if TYPE_CHECKING:
    from lumaflux.media.video.coded_frame import CodedFrame
    from lumaflux.media.video.reader import SdrFrame
    from lumaflux.render.recorder import Recorder

_FIRST_PASS = "it was the first of two passes, which finds the tones; nothing is written"


def convert_clip(source: Source, target: Path, request: Request) -> Report:
    """The model is loaded once input and target have been found sound and there is a frame to convert.

    Raises FrameError when frames were left out (``keep_going``), after the rest was written; KeyboardInterrupt, which
    says what was kept, when the user ended it.
    """
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
    job, progress = request.job, request.progress
    report = Report(target=target, source=source.path)
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
        for made in targets:
            if reader.info.alpha and not made.keeps_alpha:
                report.note(f"Alpha is left out: {made.delivery} holds none.")
        for note in told_by:
            report.note(note)
        for dropped in reader.info.dropped:
            report.note(f"The source's {dropped} is left out.")
        matte = matte_sink(job.matte, size, time_base=targets[0].time_base, overwrite=job.overwrite)
        with ExitStack() as sinks, matte as mattes, _closing(mask):
            for made in targets:
                sinks.enter_context(made.sink)
            outputs = ClipOutputs(targets=targets, matte=job.matte, mattes=mattes, back=back, recorder=recorder)
            part = _Part(reader, outputs, job, progress)
            with ExitStack() as opened:

                def renderer() -> FrameRenderer:
                    with report.stage("load"):
                        converter = request.load_converter()
                    asked = ToneRequest(
                        converter=converter, model=weights_identity(job), settings=settings, options=job
                    )
                    if asked.finds_track:
                        name_pass(progress, "pass 1 of 2, tones")
                        interruption.at_once = _FIRST_PASS
                    with report.stage("analyze"):
                        tones = request.find_tones(source, asked, progress)
                        begun = time.perf_counter()
                    interruption.at_once = None
                    if tones.growing is not None:
                        opened.callback(_end_of, tones.growing, report, begun)
                    for note in tones.notes:
                        report.note(note)
                    if asked.finds_track:
                        name_pass(progress, "pass 2 of 2, pictures")
                    progress(0, part.total)
                    chosen = FrameRenderer(
                        converter=converter,
                        settings=settings,
                        tones=tones,
                        mask=mask,
                        wants_matte=job.matte is not None,
                        wants_lighting=back is not None,
                        samples_matte=recorder is not None,
                    )
                    return opened.enter_context(blended(chosen, source, job.motion_blending))

                try:
                    report.add_stages(
                        render_frames(
                            part.frames(),
                            renderer,
                            outputs.write,
                            rendered=part.count,
                            ended=lambda: interruption.asked,
                            waits=lambda what: name_wait(progress, what),
                        )
                    )
                except FrameError as damage:
                    ended = FrameError(f"{damage} Until then: {outputs.finish_early()}.")
                    raise with_reports(ended, [report]) from damage
                except BaseException as ending:
                    report.note(f"It did not end well: {ending or type(ending).__name__}")
                    with_reports(ending, [report])
                    raise
                finally:
                    report.frames, report.skipped = part.rendered, part.skipped
                    report.in_one_pass = part.in_one_pass
            if interruption.asked:
                raise with_reports(KeyboardInterrupt(outputs.finish_early()), [report])
            if report.frames + report.skipped == 0:
                raise UserError(f"{source.path} has none of the frames that are asked for; nothing is written")
            finishing = time.perf_counter()
    report.add_stages({"encode": time.perf_counter() - finishing})
    for note in (*(note for made in targets for note in made.sink.notes), *reader.notes):
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


def _end_of(track: GrowingTrack, report: Report, begun: float) -> None:
    """Of a pass that went on from ``begun`` on, beside the other stages."""
    track.close()
    report.add_stages({"analyze": max(0.0, track.ended - begun)})


def _closing(mask: Mask | None) -> AbstractContextManager[object]:
    return nullcontext() if mask is None else closing(mask)


class _Part:
    """The frames of a pass that the job asks for and that are not in every output yet."""

    def __init__(self, reader: Reader, outputs: ClipOutputs, job: Job, progress: Progress):
        self._reader, self._outputs, self._progress = reader, outputs, progress
        self._wanted = set(chosen(job) or ()) if job.frames is not None else None
        self._last = max(self._wanted) if self._wanted else None
        self._limit, self._asked, self._ended = job.limit, 0, False
        self.total = frames_to_come(reader, job)
        self.rendered = self.skipped = self.in_one_pass = 0
        self._coded = outputs.take_codes and job.mask is None and not job.motion_blending

    def frames(self) -> "Iterator[SdrFrame | CodedFrame]":
        read = getattr(self._reader, "coded_frames", self._reader.frames) if self._coded else self._reader.frames
        for frame in read(lambda number: self._ended or self._wants(number)):
            if self._ended:  # the frame that comes after the last one
                return
            yield frame
        self._reader.check_whole()

    def _wants(self, number: int) -> bool:
        """Asked by the decoder's thread of every frame in turn."""
        if (self._last is not None and number > self._last) or (self._limit is not None and self._asked >= self._limit):
            self._ended = True
            return False
        if self._wanted is not None and number not in self._wanted:
            return False
        self._asked += 1
        if self._outputs.hold(number):
            self.skipped += 1
            return False
        return True

    def count(self, made: Rendered) -> None:
        self.rendered += 1
        self.in_one_pass += made.planes is not None
        self._progress(self.rendered + self.skipped, self.total)


def write_hdr10plus(job: Job, report: Report) -> None:
    """The JSON file of a finished video's scenes, where the job names one."""
    if job.hdr10plus is None:
        return
    from lumaflux.media.metadata.hdr10plus import Scene, write_json

    scenes = [Scene(frames=shot.last + 1 - shot.first, light=shot.dynamic) for shot in report.shots]
    write_json(job.hdr10plus, scenes, overwrite=job.overwrite)


def frames_to_come(reader: Reader, job: Job) -> int | None:
    """How many frames there will be, where that is known."""
    numbers = getattr(reader, "numbers", None) or chosen(job)
    stated = reader.info.frame_count if numbers is None else len(numbers)
    known = [count for count in (stated, job.limit) if count]
    return min(known) if known else None


def refuse_damage(report: Report) -> None:
    """Raise FrameError when frames of a finished conversion were damaged."""
    if report.damaged:
        raise FrameError(f"{report.target} is written, but {report.damaged} places of {report.source} were damaged")
