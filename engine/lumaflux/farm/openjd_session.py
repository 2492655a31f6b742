"""One worker's session of the Open Job Description: environments entered, tasks run, everything left again."""

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lumaflux.errors import FrameError, UserError
from lumaflux.farm.session import OWNER

_QUIET = logging.NullHandler()
_FRAMES, _USER = FrameError.exit_code, UserError.exit_code


@dataclass(frozen=True, kw_only=True)
class TaskOutcome:
    """Why a task failed. ``frames``: frames did, so that another try is of no use; ``fatal``: so would all others."""

    words: str
    frames: bool = False
    fatal: bool = False

    @property
    def retry(self) -> bool:
        return not (self.frames or self.fatal)


class WorkerSession:
    """``enter``, then ``run`` as long as it returns None, then ``leave``."""

    def __init__(self, name: str, values: dict[str, Any], stop: threading.Event, say: Callable[[str], None]):
        from openjd.model import RevisionExtensions, SpecificationRevision
        from openjd.sessions import LOG, Session

        LOG.setLevel(logging.INFO)  # what actions say to the session goes by way of its log
        LOG.propagate = False
        LOG.addHandler(_QUIET)
        self._stop, self._say = stop, say
        self._ended = threading.Event()
        self._status: Any = None
        self._last_words = ""
        self._entered: list[str] = []
        extensions = RevisionExtensions(spec_rev=SpecificationRevision.v2023_09, supported_extensions=["TASK_CHUNKING"])
        self._session = Session(
            session_id=name,
            job_parameter_values=values,
            callback=self._told,
            os_env_vars={OWNER: str(os.getpid())},
            revision_extensions=extensions,
        )

    def enter(self, step: Any) -> TaskOutcome | None:
        """The step's environments."""
        for environment in step.stepEnvironments or ():
            self._entered.append(self._session.enter_environment(environment=environment))
            if outcome := self._outcome():
                return outcome
        return None

    def run(self, step: Any, parameters: Any) -> TaskOutcome | None:
        """One task; None when it ended well."""
        self._session.run_task(step_script=step.script, task_parameter_values=parameters)
        return self._outcome()

    def leave(self) -> None:
        """Always, also after a failure."""
        try:
            while self._entered:
                self._ended.clear()
                self._session.exit_environment(identifier=self._entered.pop())
                self._ended.wait()
        finally:
            self._session.cleanup()

    def _told(self, _: str, status: Any) -> None:
        from openjd.sessions import ActionState

        if status.status_message and status.status_message != self._last_words:
            self._last_words = status.status_message
            self._say(status.status_message)
        if status.state != ActionState.RUNNING:
            self._status = status
            self._ended.set()

    def _outcome(self) -> TaskOutcome | None:
        from openjd.sessions import ActionState

        while not self._ended.wait(0.2):
            if self._stop.is_set():
                self._session.cancel_action()
                self._ended.wait()
        self._ended.clear()
        status = self._status
        if status.state == ActionState.SUCCESS:
            return None
        words = status.fail_message or f"a task ended with the code {status.exit_code}"
        return TaskOutcome(words=words, frames=status.exit_code == _FRAMES, fatal=status.exit_code == _USER)
