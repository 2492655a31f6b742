"""`lumaflux farm run`: a job bundle on this machine by the Open Job Description's own libraries, with retries."""

import itertools
import os
import queue
import secrets
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lumaflux.errors import FrameError, MissingExtraError, UserError
from lumaflux.farm.job import JobFolder, runner_lock
from lumaflux.farm.leftovers import remove_leftovers
from lumaflux.farm.template import OPENJD_PARAMETERS, TEMPLATE

if TYPE_CHECKING:
    from lumaflux.farm.openjd_session import TaskOutcome, WorkerSession

ATTEMPTS = 3
_EXTENSIONS = ["TASK_CHUNKING"]
Say = Callable[[str], None]


@dataclass(kw_only=True)
class _Task:
    parameters: Any
    attempt: int = 1


@dataclass(kw_only=True)
class RunReport:
    """``sessions`` counts the engines that were started: one a worker where nothing goes wrong."""

    tasks: int = 0
    retries: int = 0
    sessions: int = 0
    problems: list[str] = field(default_factory=list)
    frames_failed: bool = False


def run_bundle(bundle: Path, *, workers: int = 1, say: Say = lambda line: None, values: dict[str, str] | None = None):
    """Runs all steps in the order of their dependencies; ``values`` stand above the parameters' defaults.

    A task that fails is tried again, ATTEMPTS times in all, in a new session; frames that fail are not. Raises
    UserError for what is no bundle, for a wrong input and for a second run on the same output, FrameError when frames
    failed, both after everything else was done that could be.
    """
    if workers < 1:
        raise UserError(f"workers are {workers}; give one or more")
    job, parameters = _job(bundle, {**values_of(bundle), **(values or {})})
    if "Frames" not in parameters:
        raise UserError(f"{bundle} is no bundle that lumaflux farm job wrote: it has no parameter Frames.")
    frames = parameters["Frames"].value
    report = RunReport()
    with runner_lock(Path(frames)):
        remove_leftovers()
        for step in _in_order(job):
            _run_step(step, parameters, workers, report, say)
            if report.problems:
                break
        if not report.problems:
            for partial in JobFolder(Path(frames)).partials():
                partial.unlink(missing_ok=True)
    if report.problems:
        kind = FrameError if report.frames_failed else UserError
        raise kind("; ".join(dict.fromkeys(report.problems)))
    return report


def _job(bundle: Path, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    try:
        from openjd import model
    except ImportError:
        raise MissingExtraError("The Open Job Description's library", "farm") from None
    path = _template_of(bundle)
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
        decoded = model.decode_job_template(template=document, supported_extensions=_EXTENSIONS)
        values = model.preprocess_job_parameters(
            job_template=decoded,
            job_parameter_values=given,
            job_template_dir=path.parent.resolve(),
            current_working_dir=Path.cwd(),
            allow_job_template_dir_walk_up=True,
        )
        return model.create_job(job_template=decoded, job_parameter_values=values), values
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; name a job bundle.") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is no job that can be run: {' '.join(str(error).split())}") from None


def _template_of(bundle: Path) -> Path:
    return bundle / TEMPLATE if bundle.is_dir() else bundle


def values_of(bundle: Path) -> dict[str, Any]:
    """The values that lie beside a bundle's template; none where they do not (before 0.2 they were its defaults).

    The plain command ``lumaflux`` becomes this installation's own where it is not on the PATH.
    Raises UserError for a file that holds no such values.
    """
    path = _template_of(bundle).with_name(OPENJD_PARAMETERS)
    try:
        found = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())}); write the bundle anew") from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise UserError(f"{path} holds no values of parameters; write the bundle anew")
    own = Path(sys.executable).with_name("lumaflux")
    if found.get("Engine", "lumaflux") == "lumaflux" and shutil.which("lumaflux") is None and own.is_file():
        found["Engine"] = str(own)
    return found


def _in_order(job: Any) -> list[Any]:
    from openjd.model import StepDependencyGraph

    return StepDependencyGraph(job=job).topo_sorted()


def _run_step(step: Any, values: dict[str, Any], workers: int, report: RunReport, say: Say) -> None:
    run = _StepRun(step, values, report, say)
    bugs: list[BaseException] = []
    # Not Thread.join: Python 3.11 takes a thread for ended once a signal has interrupted who waits for it so.
    ended = [threading.Event() for _ in range(min(workers, run.count))]

    def work(end: threading.Event) -> None:
        try:
            run.work()
        except BaseException as bug:  # raised by the caller's thread
            bugs.append(bug)
            run.stop.set()
        finally:
            end.set()

    for end in ended:
        threading.Thread(target=work, args=(end,), daemon=True).start()
    try:
        for end in ended:
            while not end.wait(0.2):
                pass
    except KeyboardInterrupt:
        run.stop.set()
        for end in ended:
            end.wait()
        raise
    if bugs:
        raise bugs[0]


class _StepRun:
    """The tasks of a step, which its workers share. ``stop``: set by who ends the run."""

    def __init__(self, step: Any, values: dict[str, Any], report: RunReport, say: Say):
        from openjd.model import StepParameterSpaceIterator

        self._step, self._values, self._report, self._say = step, values, report, say
        self._tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self.count = 0
        for parameters in StepParameterSpaceIterator(space=step.parameterSpace):
            self._tasks.put(_Task(parameters=parameters))
            self.count += 1
        report.tasks += self.count
        self.stop = threading.Event()
        self._lock, self._done = threading.Lock(), itertools.count(1)

    def work(self) -> None:
        """One worker: sessions until no task is left."""
        session: WorkerSession | None = None
        try:
            while not self.stop.is_set():
                try:
                    task = self._tasks.get_nowait()
                except queue.Empty:
                    break
                begins = session is None
                session = session or self._session()
                outcome = self._enter(session) if begins else None
                if outcome is None:
                    outcome = session.run(self._step, task.parameters)
                if outcome is None:
                    self._say(f"{self._step.name}: {next(self._done)} of {self.count} tasks done")
                    continue
                session.leave()
                session = None
                if self.stop.is_set():
                    break
                self._judge(task, outcome)
        finally:
            if session is not None:
                session.leave()

    def _session(self) -> "WorkerSession":
        from lumaflux.farm.leftovers import SESSION
        from lumaflux.farm.openjd_session import WorkerSession

        name = f"{SESSION}{os.getpid()}-{secrets.token_hex(6)}"
        return WorkerSession(name, self._values, self.stop, self._say)

    def _enter(self, session: "WorkerSession") -> "TaskOutcome | None":
        outcome = session.enter(self._step)
        with self._lock:
            self._report.sessions += 1
        return outcome

    def _judge(self, task: _Task, outcome: "TaskOutcome") -> None:
        """A task that failed: once more, or a problem of the run."""
        with self._lock:
            if outcome.retry and task.attempt < ATTEMPTS:
                self._report.retries += 1
                self._tasks.put(_Task(parameters=task.parameters, attempt=task.attempt + 1))
                return
            self._report.problems.append(outcome.words)
            self._report.frames_failed |= outcome.frames
            if outcome.fatal:
                self.stop.set()
