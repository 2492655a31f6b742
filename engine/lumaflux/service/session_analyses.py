"""What a client asks to analyse: a file in slices between other frames, or its host's frames one by one."""

from typing import Any

import numpy as np

from lumaflux.service.analysis import FileAnalysis
from lumaflux.service.client_analyses import ClientAnalyses, file_result
from lumaflux.service.frames import SharedFrames
from lumaflux.service.parameters import RenderParameters
from lumaflux.service.protocol import Analyze, AnalyzeFrame
from lumaflux.service.queue import Job, QueueClosedError, QueueFullError
from lumaflux.service.roles import Connection


class SessionAnalyses:
    """Of one connection; what it has seen goes with it."""

    def __init__(self, session: Connection):
        self._session = session
        self._seen = ClientAnalyses(session.server.renderer)

    def of_file(self, request: Analyze, parameters: RenderParameters) -> Job:
        """A job that puts itself back into the queue after every slice, behind the frames that wait."""
        session, server = self._session, self._session.server
        under_way: list[FileAnalysis] = []

        def work(job: Job) -> dict[str, Any] | None:
            if not under_way:
                under_way.append(self._seen.of_file(parameters))
            analysis = under_way[0]
            track = analysis.proceed(job.check)
            if track is None:
                progress = {"type": "progress", "id": request.id, "done": analysis.done, "total": analysis.total}
                server.in_loop(session.send, progress)
                server.in_loop(server.touch)
                return None
            return {"type": "analyzed", **file_result(track, analysis, session.client)}

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

    def of_host(self, request: Analyze | AnalyzeFrame, parameters: RenderParameters) -> Job:
        """Sees one frame, or ends with the track of those that were seen."""
        server = self._session.server

        def work(job: Job) -> dict[str, Any]:
            if isinstance(request, Analyze):
                return {"type": "analyzed", **self._seen.of_host(self._session.client)}
            shown: AnalyzeFrame = request

            def planes() -> np.ndarray:
                from lumaflux.service.samples import planes_of

                with SharedFrames(shown) as frames:
                    pixels = frames.read(server.frame_memory)
                    found = planes_of(pixels, premultiplied=shown.premultiplied)
                job.check()
                return found

            return {"type": "looked", "frames": self._seen.see(shown.number, shown.frame, parameters, planes)}

        def finish(result: dict[str, Any] | None, failure: BaseException | None) -> None:
            server.in_loop(self._session.answer, job, request, result, failure)

        job = Job(work, finish, "final")
        return job
