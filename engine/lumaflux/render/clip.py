"""Converts a clip or a sequence: frames stream through decoder, model and encoder."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.endings import Interruption
from lumaflux.errors import FrameError, UserError
from lumaflux.inference.weights import weights_identity
from lumaflux.render.also import also_jobs
from lumaflux.render.frame_renderer import FrameRenderer, frame_renderer
from lumaflux.render.growing_track import GrowingTrack
from lumaflux.render.job import Job, Progress, Report, chosen, name_pass, name_wait, with_reports
from lumaflux.render.loop import Rendered, render_frames
from lumaflux.render.mask import Mask
from lumaflux.render.matte import MatteSink, Sums, check_matte, in_the_picture, matte_sink
from lumaflux.render.source import Reader, Source, settings_for
from lumaflux.render.targets import Target, open_target
from lumaflux.render.tones import Tones, check_match, growing_tones_of
from lumaflux.render.way_back import WayBack
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter
    from lumaflux.media.sink import Channels
    from lumaflux.media.video.coded_frame import CodedFrame
    from lumaflux.media.video.reader import SdrFrame
    from lumaflux.render.recorder import Recorder, Seen

_FIRST_PASS = "it was the first of two passes, which finds the tones; nothing is written"
FindTones = Callable[[Source, "Converter", Settings, Job, str, Progress], Tones]


def convert_clip(
    source: Source,
    target: Path,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress,
    find_tones: FindTones = growing_tones_of,
    seen: "Seen | None" = None,
) -> Report:
    """The model is loaded once input and target have been found sound and there is a frame to convert.

    ``find_tones`` may keep what it found: of many parts of one source, for instance; ``seen`` is told what the writer
    was given of each frame, under a certificate. Raises FrameError when frames were left out (``keep_going``), after
    the rest was written; KeyboardInterrupt, which says what was kept, when the user ended it.
    """
    with Interruption("") as interruption:
        if job.sdr_exact:
            report = _convert_exact(
                source, target, load_converter, settings, job, progress, find_tones, interruption, seen
            )
        else:
            report = _convert(source, target, load_converter, settings, job, progress, find_tones, interruption, seen)
    if interruption.asked:  # while the last things were written
        raise with_reports(KeyboardInterrupt(f"{target} was being finished, and is whole"), [report])
    return report


def _convert_exact(
    source: Source,
    target: Path,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress,
    find_tones: FindTones,
    interruption: Interruption,
    seen: "Seen | None",
) -> Report:
    plain = replace(settings, graphics_white="off")  # graphics that are held at white have no way back
    with WayBack(target, plain, overwrite=job.overwrite) as back:
        report = _convert(
            source, target, load_converter, plain, job, progress, find_tones, interruption, seen, back=back
        )
        if job.sdr_residual:
            name_pass(progress, "last pass, residual")
            interruption.at_once = f"{target} is whole; its sidecar for the way back was not finished, and is left out"
            report.note(back.add_residual(source))
            interruption.at_once = None
        back.finish()
    report.restored = back.compared()
    return report


def _convert(
    source: Source,
    target: Path,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress,
    find_tones: FindTones,
    interruption: Interruption,
    seen: "Seen | None",
    *,
    back: WayBack | None = None,
) -> Report:
    report = Report(target=target, source=source.path)
    start = time.perf_counter()
    job.refuse_existing_metadata()
    recorder = None if job.certificate is None else _recorder(source.path, target, job, seen)
    with source.open(chosen(job) if source.pattern is not None else None) as reader:
        settings, told_by = settings_for(settings, reader.info, source.path)
        jobs = [(target, job), *also_jobs(job, target)]
        demuxer = getattr(reader, "demuxer", None)
        outputs = [open_target(source, path, reader.info, settings, own, demuxer) for path, own in jobs]
        report.delivery = outputs[0].delivery
        size = (reader.info.width, reader.info.height)
        if recorder is not None:
            recorder.delivers(outputs[0].delivery)
        if back is not None:
            back.check(outputs[0].delivery)
        check_match(job, settings)
        check_matte(job.matte, target, outputs[0].delivery, overwrite=job.overwrite)
        mask = None if job.mask is None else Mask(job.mask, size)
        for made in outputs:
            if reader.info.alpha and not made.keeps_alpha:
                report.note(f"Alpha is left out: {made.delivery} holds none.")
        for note in told_by:
            report.note(note)
        for dropped in reader.info.dropped:
            report.note(f"The source's {dropped} is left out.")
        matte = matte_sink(job.matte, size, time_base=outputs[0].time_base, overwrite=job.overwrite)
        with ExitStack() as sinks, matte as mattes, _closing(mask):
            for made in outputs:
                sinks.enter_context(made.sink)
            part = _Part(reader, outputs, job, progress, mattes, back, recorder)
            with ExitStack() as opened:

                def renderer() -> FrameRenderer:
                    with report.stage("load"):
                        converter = load_converter()
                    if job.finds_tones(settings):
                        name_pass(progress, "pass 1 of 2, tones")
                        interruption.at_once = _FIRST_PASS
                    with report.stage("analyze"):
                        tones = find_tones(source, converter, settings, job, weights_identity(job), progress)
                        begun = time.perf_counter()
                    interruption.at_once = None
                    if tones.growing is not None:
                        opened.callback(_end_of, tones.growing, report, begun)
                    for note in tones.notes:
                        report.note(note)
                    if job.finds_tones(settings):
                        name_pass(progress, "pass 2 of 2, pictures")
                    progress(0, part.total)
                    chosen = frame_renderer(
                        converter,
                        settings,
                        tones,
                        source,
                        job.motion_blending,
                        mask,
                        wants_matte=job.matte is not None,
                        wants_lighting=back is not None,
                        samples_matte=recorder is not None,
                    )
                    return opened.enter_context(chosen)

                try:
                    report.add_stages(
                        render_frames(
                            part.frames(),
                            renderer,
                            part.write,
                            rendered=part.count,
                            ended=lambda: interruption.asked,
                            waits=lambda what: name_wait(progress, what),
                        )
                    )
                except FrameError as damage:
                    ended = FrameError(f"{damage} Until then: {_finish_early(outputs)}.")
                    raise with_reports(ended, [report]) from damage
                except BaseException as ending:
                    report.note(f"It did not end well: {ending or type(ending).__name__}")
                    with_reports(ending, [report])
                    raise
                finally:
                    report.frames, report.skipped = part.rendered, part.skipped
                    report.in_one_pass = part.in_one_pass
            if interruption.asked:
                raise with_reports(KeyboardInterrupt(_finish_early(outputs)), [report])
            if report.frames + report.skipped == 0:
                raise UserError(f"{source.path} has none of the frames that are asked for; nothing is written")
            finishing = time.perf_counter()
    report.add_stages({"encode": time.perf_counter() - finishing})
    for note in (*(note for made in outputs for note in made.sink.notes), *reader.notes):
        report.note(note)
    report.damaged = reader.damaged
    report.add_levels(outputs[0].sink.levels)
    report.confidence = part.sums.shares
    report.also = {str(path): made.delivery for (path, _), made in zip(jobs[1:], outputs[1:], strict=True)}
    write_hdr10plus(job, report)
    report.seconds = time.perf_counter() - start - report.stages.pop("load", 0.0)
    if recorder is not None:
        stamp = outputs[0].stamp
        pictures = None if outputs[0].time_base else [stamp(number, 0, None)[0] for number in recorder.numbers]
        recorder.write(report, settings, pictures)
    if report.damaged:
        report.note(f"{report.damaged} damaged or missing places of {source.path} were left out or concealed.")
    return report


def _recorder(source: Path, target: Path, job: Job, seen: "Seen | None") -> "Recorder":
    from lumaflux.render.recorder import Recorder  # few ask for it

    return Recorder(source, target, job, seen)


def _end_of(track: GrowingTrack, report: Report, begun: float) -> None:
    """Of a pass that went on from ``begun`` on, beside the other stages."""
    track.close()
    report.add_stages({"analyze": max(0.0, track.ended - begun)})


def _closing(mask: Mask | None) -> AbstractContextManager[object]:
    return nullcontext() if mask is None else closing(mask)


def _finish_early(outputs: list[Target]) -> str:
    return "; ".join(made.sink.finish_early() for made in outputs)


class _Part:
    """The frames of a pass that the job asks for and that are not in every output yet, and how they are written."""

    def __init__(
        self,
        reader: Reader,
        outputs: list[Target],
        job: Job,
        progress: Progress,
        mattes: MatteSink | None = None,
        back: WayBack | None = None,
        recorder: "Recorder | None" = None,
    ):
        self._back, self._recorder = back, recorder
        self.sums, self._mattes, self._inside = Sums(), mattes, in_the_picture(job.matte)
        self._asked_matte = job.matte is not None
        self._reader, self._outputs, self._progress = reader, outputs, progress
        self._wanted = set(chosen(job) or ()) if job.frames is not None else None
        self._last = max(self._wanted) if self._wanted else None
        self._limit, self._asked, self._ended = job.limit, 0, False
        self.total = frames_to_come(reader, job)
        self.rendered = self.skipped = self.in_one_pass = 0
        alone = len(outputs) == 1 and job.matte is None and job.mask is None and not job.motion_blending
        self._coded = alone and outputs[0].takes_codes

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
        there = all(made.done(number) for made in self._outputs)
        if there and (self._mattes is None or self._mattes.holds(self._picture(number, number))):
            self.skipped += 1
            return False
        return True

    def write(self, made: Rendered) -> None:
        """In the encoder's thread."""
        first, *others = self._outputs
        if made.planes is not None:
            first.write_codes(made.frame, made.planes)
            if self._recorder is not None:
                self._recorder.add(made.frame.number, made.planes, made.matte)
            return
        assert made.hdr_pq is not None
        if self._recorder is not None:
            self._recorder.add(made.frame.number, made.hdr_pq, made.matte)
        shares: Channels = {"shares": made.matte} if self._inside else {}
        pts = first.write(made.frame, made.hdr_pq, **shares)
        for target in others:
            target.write(made.frame, made.hdr_pq)
        if self._back is not None and made.lighting is not None:
            self._back.add(made.lighting, made.frame.sdr, made.frame.number)
        if made.matte is not None and self._asked_matte:
            self.sums.add(made.matte)
            if self._mattes is not None:
                self._mattes.write(made.matte, self._picture(made.frame.number, pts), pts)

    def _picture(self, number: int, pts: int) -> int:
        """The number of a frame's matte, where it is a picture: the result's own, or beside a video the source's."""
        made = self._outputs[0]
        return number if made.time_base is not None else made.stamp(number, pts, None)[0]

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
