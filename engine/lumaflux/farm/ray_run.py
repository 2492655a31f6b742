"""`lumaflux farm ray`: a job over a Ray cluster whose nodes share the job's folders. Extra ``[farm]``."""

import secrets
import socket
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumaflux.errors import MissingExtraError, UserError
from lumaflux.farm.frames import Chunk, WorkerError, open_renderer, render_frames
from lumaflux.farm.job import JobFolder, runner_lock
from lumaflux.farm.job_spec import JobSpec
from lumaflux.media.stills.frame_numbers import frame_list, in_chunks
from lumaflux.render.job import Progress

LOSSES = 5  # of workers over one chunk, before the chunk is to blame
_AHEAD = 2  # chunks that a worker holds: the one at work, and the next
_WAIT_S = 1.0


@dataclass(kw_only=True)
class RayReport:
    """``loads``: model loads by worker; ``hosts``: frames by host name; ``lost``: workers that died on the way."""

    chunk: Chunk = field(default_factory=Chunk)
    loads: dict[str, int] = field(default_factory=dict)
    hosts: dict[str, int] = field(default_factory=dict)
    lost: int = 0


@dataclass(kw_only=True)
class _Worker:
    actor: Any
    name: str
    waking: Any  # the reference that answers once the model is loaded; None from then on
    busy: int = 0


class FrameWorker:
    """The actor: one model in one slot, for as long as the job lasts."""

    def __init__(self, spec: JobSpec, folder: str):
        self.job = JobFolder(Path(folder))
        self.renderer = open_renderer(spec, self.job)

    def wake(self) -> None:
        """Load the model."""
        self.renderer.converter()

    def render(self, numbers: list[int]) -> tuple[Chunk, str, int]:
        """The chunk, the host, and how often the model was loaded."""
        return render_frames(self.job, self.renderer, numbers), socket.gethostname(), self.renderer.loads


def run_on_ray(
    spec: JobSpec,
    job: JobFolder,
    *,
    address: str | None = None,
    workers: int | None = None,
    chunk: int = 24,
    progress: Progress = lambda done, total: None,
) -> RayReport:
    """Renders all frames of ``spec`` into ``job``. ``address`` as ``ray.init`` takes it; a local cluster if None.

    A chunk whose worker or node is lost goes to another one. Raises UserError for bad input, WorkerError for a chunk
    over which LOSSES workers died, MissingExtraError without Ray.
    """
    if workers is not None and workers < 1:
        raise UserError(f"workers are {workers}; give one or more")
    try:
        import ray
        from ray.job_config import JobConfig
    except ImportError:
        raise MissingExtraError("Ray", "farm") from None
    library: Any = ray
    with runner_lock(job.folder):
        manifest = open_renderer(spec, job).manifest  # before any worker: bad input is said here
        started = not library.is_initialized()
        if started:
            name = f"lumaflux {spec.source.name}"
            config = JobConfig(metadata={"job_name": name})
            try:
                library.init(address=address, namespace="lumaflux", job_config=config, log_to_driver=False)
            except library.exceptions.AuthenticationError:
                raise UserError(
                    "Ray asks for a token and finds none; make one with `ray get-auth-token --generate`, and copy "
                    "~/.ray/auth_token to every node"
                ) from None
            except (ConnectionError, TimeoutError, RuntimeError, ValueError) as error:
                raise UserError(
                    f"no Ray cluster answers at {address or 'this machine'} ({_first_line(error)}); start one with "
                    "`ray start --head`, with the same RAY_AUTH_MODE and token as here"
                ) from None
        try:
            return _Pool(library, spec, job, manifest.device, manifest.threads, workers, progress).run(
                in_chunks(frame_list(manifest.frames), chunk)
            )
        finally:
            if started:
                library.shutdown()


class _Pool:
    """Hands chunks to workers that are awake; Ray places, watches and buries the workers."""

    def __init__(
        self,
        ray: Any,
        spec: JobSpec,
        job: JobFolder,
        device: str,
        threads: int,
        workers: int | None,
        progress: Progress,
    ):
        self.ray, self.spec, self.job, self.progress = ray, spec, job, progress
        self.slot = {"num_cpus": threads, "num_gpus": 0 if device == "cpu" else 1}
        self.size = workers or self._slots()
        self.token = secrets.token_hex(3)
        self.workers: list[_Worker] = []
        self.running: dict[Any, tuple[_Worker, list[int]]] = {}
        self.losses: dict[int, int] = {}
        self.named = 0
        self.report = RayReport()

    def _slots(self) -> int:
        resources = self.ray.cluster_resources()
        if self.slot["num_gpus"]:
            return max(1, int(resources.get("GPU", 0)))
        return max(1, int(resources.get("CPU", 1)) // self.slot["num_cpus"])

    def run(self, chunks: list[list[int]]) -> RayReport:
        queue, total, done = deque(chunks), sum(map(len, chunks)), 0
        while queue or self.running:
            while len(self.workers) < min(self.size, len(queue) + len(self.running)):
                self.workers.append(self._new_worker())
            for worker in sorted(self.workers, key=lambda worker: worker.busy):
                while queue and worker.waking is None and worker.busy < _AHEAD:
                    self._give(worker, queue.popleft())
            waking = {worker.waking: worker for worker in self.workers if worker.waking is not None}
            ready, _ = self.ray.wait([*self.running, *waking], timeout=_WAIT_S)
            for reference in ready:
                if reference in waking:
                    self._woken(waking[reference])
                else:
                    done += self._finished(reference, queue)
                    self.progress(done, total)
        for worker in self.workers:
            self.ray.kill(worker.actor)
        return self.report

    def _new_worker(self) -> _Worker:
        self.named += 1
        name = f"lumaflux {self.spec.source.stem} {self.token} worker {self.named}"
        kind = self.ray.remote(**self.slot, max_restarts=0, max_task_retries=0)(FrameWorker)
        actor = kind.options(name=name).remote(self.spec, str(self.job.folder.resolve()))
        return _Worker(actor=actor, name=name, waking=actor.wake.remote())

    def _give(self, worker: _Worker, numbers: list[int]) -> None:
        self.running[worker.actor.render.remote(numbers)] = worker, numbers
        worker.busy += 1

    def _woken(self, worker: _Worker) -> None:
        try:
            self.ray.get(worker.waking)
            worker.waking = None
        except self.ray.exceptions.RayActorError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, UserError):
                raise cause from None
            self._bury(worker, -1)
        except self.ray.exceptions.RayTaskError as error:
            raise _own(error) from error

    def _finished(self, reference: Any, queue: deque[list[int]]) -> int:
        worker, numbers = self.running.pop(reference)
        worker.busy -= 1
        try:
            chunk, host, loads = self.ray.get(reference)
        except self.ray.exceptions.RayActorError:
            queue.appendleft(numbers)
            self._bury(worker, numbers[0])
            return 0
        except self.ray.exceptions.RayTaskError as error:
            own = _own(error)
            if not isinstance(own, WorkerError):
                raise own from None
            queue.appendleft(numbers)
            self.ray.kill(worker.actor)
            self._bury(worker, numbers[0])
            return 0
        self.report.chunk.add(chunk)
        self.report.loads[worker.name] = loads
        self.report.hosts[host] = self.report.hosts.get(host, 0) + len(chunk.rendered)
        return len(numbers)

    def _bury(self, worker: _Worker, key: int) -> None:
        if worker in self.workers:
            self.workers.remove(worker)
            self.report.lost += 1
        self.losses[key] = self.losses.get(key, 0) + 1
        if self.losses[key] >= LOSSES:
            what = "before their first frame" if key < 0 else f"over the frames from {key} on"
            raise WorkerError(f"{LOSSES} workers were lost {what}; look into the cluster's logs, then start again")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")


def _own(error: Any) -> Exception:
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, UserError) else error
