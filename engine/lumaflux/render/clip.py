"""Converts a clip or a sequence: frames stream through decoder, model and encoder."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import FrameError, UserError
from lumaflux.render.interruption import Interruption
from lumaflux.render.job import Job, Progress, Report, name_pass, with_reports
from lumaflux.render.motion_blending import blending_of
from lumaflux.render.pipeline import Consumer, Prefetched
from lumaflux.render.source_kind import settings_for
from lumaflux.render.sources import chosen, frames_to_come, open_source
from lumaflux.render.targets import Target, open_target
from lumaflux.render.tones import Tones, tones_of
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter
    from lumaflux.media.stills.ocio_spaces import OcioSpaces
    from lumaflux.render.sources import Source


def convert_clip(
    source: Path,
    target: Path,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    progress: Progress,
) -> Report:
    """The model is loaded once input and target have been found sound and there is a frame to convert.

    Raises FrameError when frames were left out (``keep_going``), after the rest was written; KeyboardInterrupt, which
    says what was kept, when the user ended it.
    """
    report = Report(target=target, source=source)
    start = time.perf_counter()
    if job.hdr10plus is not None and job.hdr10plus.exists() and not job.overwrite:
        raise UserError(f"{job.hdr10plus} exists already; remove it, or allow overwriting (-y).")
    spaces = ocio_spaces(job)
    settings, told_by = settings_for(settings, source)
    with open_source(source, job) as reader:
        made = open_target(source, target, reader, settings, job, spaces)
        report.delivery = made.delivery
        if reader.info.alpha and not made.keeps_alpha:
            report.note(f"Alpha is left out: {made.delivery} holds none.")
        for note in told_by:
            report.note(note)
        for dropped in reader.info.dropped:
            report.note(f"The source's {dropped} is left out.")
        with made.sink, Interruption() as interruption:
            try:
                _stream(source, reader, made, load_converter, settings, job, spaces, progress, report, interruption)
            except FrameError as damage:
                told = FrameError(f"{damage} Until then: {made.sink.finish_early()}.")
                raise with_reports(told, [report]) from damage
            if interruption.asked:
                raise with_reports(KeyboardInterrupt(made.sink.finish_early()), [report])
            if report.frames + report.skipped == 0:
                raise UserError(f"{source} has none of the frames that are asked for; nothing is written")
            finishing = time.perf_counter()
    report.add_stages({"encode": time.perf_counter() - finishing})
    for note in (*made.sink.notes, *reader.notes):
        report.note(note)
    report.damaged = reader.damaged
    report.add_levels(made.sink.levels)
    if job.hdr10plus is not None:
        from lumaflux.media.metadata.hdr10plus import Scene, write_json

        scenes = [Scene(frames=shot.last + 1 - shot.first, light=shot.dynamic) for shot in report.shots]
        write_json(job.hdr10plus, scenes, overwrite=job.overwrite)
    report.seconds = time.perf_counter() - start - report.stages.pop("load", 0.0)
    if report.damaged:
        report.note(f"{report.damaged} damaged or missing places of {source} were left out or concealed.")
    return report


def _ending(progress: Progress, interruption: Interruption) -> Progress:
    """``progress`` of work that leaves nothing behind and can end at once."""

    def told(done: int, total: int | None) -> None:
        if interruption.asked:
            raise KeyboardInterrupt("it was the first of two passes, which finds the tones; nothing is written")
        progress(done, total)

    return told


def refuse_damage(report: Report) -> None:
    """Raise FrameError when frames of a finished conversion were damaged."""
    if report.damaged:
        raise FrameError(f"{report.target} is written, but {report.damaged} places of {report.source} were damaged")


def ocio_spaces(job: Job) -> "OcioSpaces | None":
    if job.ocio is None:
        return None
    from lumaflux.media.stills.ocio_spaces import OcioSpaces

    return OcioSpaces(job.ocio, job.input_space, job.output_space)


def _stream(
    source: Path,
    reader: "Source",
    made: Target,
    load_converter: Callable[[], "Converter"],
    settings: Settings,
    job: Job,
    spaces: "OcioSpaces | None",
    progress: Progress,
    report: Report,
    interruption: Interruption,
) -> None:
    wanted = set(chosen(job)) if job.frames is not None else None
    last = max(wanted) if wanted else None
    total = frames_to_come(reader, job)
    state = {"skipped": 0, "asked": 0, "ended": False}

    def wants(number: int) -> bool:
        """Asked by the decoder's thread of every frame in turn."""
        if (last is not None and number > last) or (job.limit is not None and state["asked"] >= job.limit):
            state["ended"] = True
            return False
        if wanted is not None and number not in wanted:
            return False
        state["asked"] += 1
        if made.done(number):
            state["skipped"] += 1
            return False
        return True

    def frames():
        for frame in reader.frames(lambda number: state["ended"] or wants(number)):
            if state["ended"]:  # the frame that comes after the last one
                return
            yield frame

    def encode(item) -> None:
        hdr_pq, pts, duration, alpha = item
        made.sink.write(hdr_pq, pts, duration, alpha=alpha)

    converter: Converter | None = None
    tones, blending = Tones(), None
    opened = ExitStack()
    decoder, encoder = Prefetched(frames()), Consumer(encode)
    try:
        for frame in decoder:
            if converter is None:
                with report.stage("load"):
                    converter = load_converter()
                with report.stage("analyze"):
                    if job.finds_tones(settings):
                        name_pass(progress, "pass 1 of 2, tones")
                    tones = tones_of(source, converter, settings, job, spaces, _ending(progress, interruption))
                blending = opened.enter_context(blending_of(source, converter, tones, settings, job, spaces))
                if job.finds_tones(settings):
                    name_pass(progress, "pass 2 of 2, pictures")
                progress(0, total)
            sdr = frame.sdr if spaces is None else spaces.sdr(frame.sdr)
            pinned, tone = tones.at(frame.number, settings)
            light = None if blending is None else blending.light(frame.number, sdr)
            hdr_pq, timings = converter.render_timed(sdr, pinned, tone=tone, light=light)
            report.add_stages(timings)
            pts, duration = made.stamp(frame.number, frame.pts, frame.duration)
            encoder.put((hdr_pq, pts, duration, frame.alpha if made.keeps_alpha else None))
            report.frames += 1
            progress(report.frames + state["skipped"], total)
            if interruption.asked:
                break
        encoder.finish()
    except FrameError:  # what was finished before it is kept, where the target keeps frames
        encoder.finish()
        raise
    finally:
        decoder.close()
        encoder.close()
        opened.close()
        report.skipped = state["skipped"]
        report.add_stages({"decode": decoder.seconds, "encode": encoder.seconds})
        if blending is not None:
            report.add_stages(blending.seconds)
