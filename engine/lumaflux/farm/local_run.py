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
from typing import Any

import yaml

from lumaflux.errors import FrameError, MissingExtraError, UserError
from lumaflux.farm.job import JobFolder, runner_lock
from lumaflux.farm.leftovers import remove_leftovers
from lumaflux.farm.template import OPENJD_PARAMETERS, TEMPLATE

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
    from openjd.model import StepParameterSpaceIterator

    tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
    count = 0
    for parameters in StepParameterSpaceIterator(space=step.parameterSpace):
        tasks.put(_Task(parameters=parameters))
        count += 1
    report.tasks += count
    lock, stop = threading.Lock(), threading.Event()
    done = itertools.count(1)

    def say_done() -> None:
        say(f"{step.name}: {next(done)} of {count} tasks done")

    bugs: list[BaseException] = []
    # Not Thread.join: Python 3.11 takes a thread for ended once a signal has interrupted who waits for it so.
    ended = [threading.Event() for _ in range(min(workers, count))]

    def work(end: threading.Event) -> None:
        try:
            _work(step, values, tasks, report, lock, stop, say, say_done)
        except BaseException as bug:  # raised by the caller's thread
            bugs.append(bug)
            stop.set()
        finally:
            end.set()

    for end in ended:
        threading.Thread(target=work, args=(end,), daemon=True).start()
    try:
        for end in ended:
            while not end.wait(0.2):
                pass
    except KeyboardInterrupt:
        stop.set()
        for end in ended:
            end.wait()
        raise
    if bugs:
        raise bugs[0]


def _work(
    step: Any,
    values: dict[str, Any],
    tasks: "queue.SimpleQueue[_Task]",
    report: RunReport,
    lock: threading.Lock,
    stop: threading.Event,
    say: Say,
    say_done: Callable[[], None],
) -> None:
    """One worker: sessions until no task is left."""
    from lumaflux.farm.leftovers import SESSION
    from lumaflux.farm.openjd_session import WorkerSession

    session: WorkerSession | None = None
    try:
        while not stop.is_set():
            try:
                task = tasks.get_nowait()
            except queue.Empty:
                break
            if session is None:
                session = WorkerSession(f"{SESSION}{os.getpid()}-{secrets.token_hex(6)}", values, stop, say)
                outcome = session.enter(step)
                with lock:
                    report.sessions += 1
                if outcome is None:
                    outcome = session.run(step, task.parameters)
            else:
                outcome = session.run(step, task.parameters)
            if outcome is None:
                say_done()
                continue
            session.leave()
            session = None
            if stop.is_set():
                break
            with lock:
                if outcome.retry and task.attempt < ATTEMPTS:
                    report.retries += 1
                    tasks.put(_Task(parameters=task.parameters, attempt=task.attempt + 1))
                else:
                    report.problems.append(outcome.words)
                    report.frames_failed |= outcome.frames
                    if outcome.fatal:
                        stop.set()
    finally:
        if session is not None:
            session.leave()
