"""The pass over a clip or a sequence that renders: its tones, the frames that are wanted, and what ends it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lumaflux.endings import Interruption
from lumaflux.errors import FrameError
from lumaflux.inference.weights import weights_identity
from lumaflux.render.clip_outputs import ClipOutputs
from lumaflux.render.frame_renderer import FrameRenderer, blended
from lumaflux.render.growing_track import GrowingTrack
from lumaflux.render.job import Job, Progress, Report, chosen, name_pass, name_wait, with_reports
from lumaflux.render.loop import Rendered, render_frames
from lumaflux.render.mask import Mask
from lumaflux.render.request import Request
from lumaflux.render.source import Reader, Source
from lumaflux.render.tones import ToneRequest, Tones

if TYPE_CHECKING:
    from lumaflux.media.video.coded_frame import CodedFrame
    from lumaflux.media.video.reader import SdrFrame

_FIRST_PASS = "it was the first of two passes, which finds the tones; nothing is written"


class WantedFrames:
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


@dataclass(frozen=True, kw_only=True)
class ClipPass:
    """What renders the wanted ``frames`` of a source into ``outputs``; the request's settings are those of the source.
    How it went is written into ``report``."""

    source: Source
    request: Request
    frames: WantedFrames
    outputs: ClipOutputs
    mask: Mask | None
    report: Report
    interruption: Interruption

    def run(self) -> None:
        """Renders until the frames or the user end it.

        Raises FrameError for a frame that cannot be read or rendered, after what came before it is finished. Whatever
        is raised has the report.
        """
        report, frames = self.report, self.frames
        with ExitStack() as opened:
            try:
                report.add_stages(
                    render_frames(
                        frames.frames(),
                        lambda: self._renderer(opened),
                        self.outputs.write,
                        rendered=frames.count,
                        ended=lambda: self.interruption.asked,
                        waits=lambda what: name_wait(self.request.progress, what),
                    )
                )
            except FrameError as damage:
                ended = FrameError(f"{damage} Until then: {self.outputs.finish_early()}.")
                raise with_reports(ended, [report]) from damage
            except BaseException as ending:
                report.note(f"It did not end well: {ending or type(ending).__name__}")
                with_reports(ending, [report])
                raise
            finally:
                report.frames, report.skipped = frames.rendered, frames.skipped
                report.in_one_pass = frames.in_one_pass

    def _renderer(self, opened: ExitStack) -> FrameRenderer:
        """Loads the model and finds the tones; what they hold until the end is given to ``opened``."""
        request, job = self.request, self.request.job
        with self.report.stage("load"):
            converter = request.load_converter()
        asked = ToneRequest(converter=converter, model=weights_identity(job), settings=request.settings, options=job)
        if asked.finds_track:
            name_pass(request.progress, "pass 1 of 2, tones")
        tones = self._tones(asked, opened)
        if asked.finds_track:
            name_pass(request.progress, "pass 2 of 2, pictures")
        request.progress(0, self.frames.total)
        renderer = FrameRenderer(
            converter=converter,
            settings=request.settings,
            tones=tones,
            mask=self.mask,
            wants_matte=job.matte is not None,
            wants_lighting=self.outputs.back is not None,
            samples_matte=self.outputs.recorder is not None,
        )
        return opened.enter_context(blended(renderer, self.source, job.motion_blending))

    def _tones(self, asked: ToneRequest, opened: ExitStack) -> Tones:
        if asked.finds_track:
            self.interruption.at_once = _FIRST_PASS
        with self.report.stage("analyze"):
            tones = self.request.find_tones(self.source, asked, self.request.progress)
            begun = time.perf_counter()
        self.interruption.at_once = None
        if tones.growing is not None:
            opened.callback(_end_of, tones.growing, self.report, begun)
        for note in tones.notes:
            self.report.note(note)
        return tones


def _end_of(track: GrowingTrack, report: Report, begun: float) -> None:
    """Of a pass that went on from ``begun`` on, beside the other stages."""
    track.close()
    report.add_stages({"analyze": max(0.0, track.ended - begun)})


def frames_to_come(reader: Reader, job: Job) -> int | None:
    """How many frames there will be, where that is known."""
    numbers = getattr(reader, "numbers", None) or chosen(job)
    stated = reader.info.frame_count if numbers is None else len(numbers)
    known = [count for count in (stated, job.limit) if count]
    return min(known) if known else None
