"""What a client asks to analyse: a file in slices between other frames, or its host's frames one by one."""

import logging
from pathlib import Path
from typing import Any

from lumaflux.errors import UserError
from lumaflux.service.analysis import FileAnalysis, HostAnalysis, store
from lumaflux.service.frames import FrameRefusedError, SharedFrames
from lumaflux.service.parameters import RenderParameters
from lumaflux.service.protocol import Analyze, Look
from lumaflux.service.queue import Job, QueueClosedError, QueueFullError
from lumaflux.service.renderer import sdr_of
from lumaflux.service.roles import Connection

log = logging.getLogger(__name__)


class SessionAnalyses:
    """Of one connection; what it has seen goes with it."""

    def __init__(self, session: Connection):
        self._session = session
        self._looked: HostAnalysis | None = None

    def of_file(self, request: Analyze, parameters: RenderParameters) -> Job:
        """A job that puts itself back into the queue after every slice, behind the frames that wait."""
        session, server = self._session, self._session.server
        under_way: list[FileAnalysis] = []

        def work(job: Job) -> dict[str, Any] | None:
            if not under_way:
                under_way.append(FileAnalysis(parameters, server.renderer))
            analysis = under_way[0]
            track = analysis.proceed(job.check)
            if track is None:
                progress = {"type": "progress", "id": request.id, "done": analysis.done, "total": analysis.total}
                server.in_loop(session.send, progress)
                server.in_loop(server.touch)
                return None
            return self._stored(track, analysis.source)

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
        """Sees one frame, or ends with the track of those that were seen."""
        server = self._session.server

        def work(job: Job) -> dict[str, Any]:
            if isinstance(request, Analyze):
                seen, self._looked = self._looked, None
                if seen is None or not seen.done:
                    raise UserError("no frame was analysed; name a Source file, or connect a clip to Source")
                return self._stored(seen.track(), None)
            if request.number == 0:
                self._looked = HostAnalysis(parameters, server.renderer)
            if self._looked is None or self._looked.done != request.number:
                raise FrameRefusedError(f"frame {request.number} of an analysis does not follow the one before")
            from lumaflux.service.samples import planes_of

            with SharedFrames(request) as frames:
                pixels = frames.read(server.frame_memory)
                planes = planes_of(pixels, premultiplied=request.premultiplied)
            job.check()
            self._looked.see(sdr_of(planes, parameters.input_space))
            return {"type": "looked", "frames": self._looked.done}

        def finish(result: dict[str, Any] | None, failure: BaseException | None) -> None:
            server.in_loop(self._session.answer, job, request, result, failure)

        job = Job(work, finish, "final")
        return job

    def _stored(self, track: Any, source: Path | None) -> dict[str, Any]:
        path = store(track, source)
        log.info("%s: %d frames analysed, %s", self._session.client, track.clip.frames, path)
        return {"type": "analyzed", "track": str(path), "frames": track.clip.frames}
