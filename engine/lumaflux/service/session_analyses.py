"""What a client asks to analyse: a file in slices between other frames, or its host's frames one by one."""

import logging
from pathlib import Path
from typing import Any

from lumaflux.errors import UserError
from lumaflux.service.analysis import FileAnalysis, HostAnalysis, store
from lumaflux.service.frame_mapping import Sample, thumbnail
from lumaflux.service.frames import FrameRefusedError, SharedFrames
from lumaflux.service.parameters import RenderParameters
from lumaflux.service.protocol import Analyze, Look
from lumaflux.service.queue import Job, QueueClosedError, QueueFullError
from lumaflux.service.renderer import sdr_of
from lumaflux.service.roles import Connection

log = logging.getLogger(__name__)
MOST_SAMPLES = 64  # of a clip whose file is analysed


class SessionAnalyses:
    """Of one connection; what it has seen goes with it."""

    def __init__(self, session: Connection):
        self._session = session
        self._looked: HostAnalysis | None = None
        self._samples: list[Sample] = []

    def of_file(self, request: Analyze, parameters: RenderParameters) -> Job:
        """A job that puts itself back into the queue after every slice, behind the frames that wait."""
        session, server = self._session, self._session.server
        under_way: list[FileAnalysis] = []
        samples, self._samples = self._samples, []

        def work(job: Job) -> dict[str, Any] | None:
            if not under_way:
                under_way.append(FileAnalysis(parameters, server.renderer, samples))
            analysis = under_way[0]
            track = analysis.proceed(job.check)
            if track is None:
                progress = {"type": "progress", "id": request.id, "done": analysis.done, "total": analysis.total}
                server.in_loop(session.send, progress)
                server.in_loop(server.touch)
                return None
            start = analysis.start()  # before anything is written
            return self._stored(track, analysis.source) | ({} if start is None else {"start": start})

        def finish(result: dict[str, Any] | None, failure: BaseException | None) -> None:
            if result is None and failure is None:
                try:
                    server.queue.put(job)
                except (QueueClosedError, QueueFullError):
                    failure = QueueClosedError()
                else:
                    return
            for analysis in under_way:
                analysis.close()
            server.in_loop(session.answer, job, request, result, failure)

        job = Job(work, finish, "thumbnail")
        return job

    def of_host(self, request: Analyze | Look, parameters: RenderParameters) -> Job:
        """Sees one frame, or ends with the track of those that were seen.

        Frames of a clip whose file is named are samples: they tell which of the file's frames the host shows.
        """
        server = self._session.server

        def work(job: Job) -> dict[str, Any]:
            if isinstance(request, Analyze):
                seen, self._looked = self._looked, None
                if seen is None or not seen.done:
                    raise UserError("no frame was analysed; name a Source file, or connect a clip to Source")
                return self._stored(seen.track(), None)
            sampled = bool(parameters.source_file)
            if request.number == 0:
                self._samples, self._looked = [], None if sampled else HostAnalysis(parameters, server.renderer)
            looked = None if sampled else self._looked
            seen = len(self._samples) if sampled else looked.done if looked is not None else -1
            if seen != request.number or (seen >= MOST_SAMPLES and sampled):
                raise FrameRefusedError(f"frame {request.number} of an analysis does not follow the one before")
            from lumaflux.service.samples import planes_of

            with SharedFrames(request) as frames:
                pixels = frames.read(server.frame_memory)
                planes = planes_of(pixels, premultiplied=request.premultiplied)
            job.check()
            sdr = sdr_of(planes, parameters.input_space)
            if looked is None:
                self._samples.append(Sample(request.frame, thumbnail(sdr)))
            else:
                looked.see(sdr)
            return {"type": "looked", "frames": seen + 1}

        def finish(result: dict[str, Any] | None, failure: BaseException | None) -> None:
            server.in_loop(self._session.answer, job, request, result, failure)

        job = Job(work, finish, "final")
        return job

    def _stored(self, track: Any, source: Path | None) -> dict[str, Any]:
        path = store(track, source)
        log.info("%s: %d frames analysed, %s", self._session.client, track.clip.frames, path)
        return {"type": "analyzed", "track": str(path), "frames": track.clip.frames}
