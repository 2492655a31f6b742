"""`lumaflux farm run` where what it calls does not do what it should."""

import os
import signal
import threading
import time

import pytest
import yaml

from lumaflux.farm.local_run import run_bundle
from lumaflux.farm.template import TEMPLATE


def write_template(folder):
    step = {"name": "s", "script": {"actions": {"onRun": {"command": "true"}}}}
    definitions = [{"name": name, "type": "STRING", "default": str(folder / "out")} for name in ("Frames", "Engine")]
    document = {"specificationVersion": "jobtemplate-2023-09", "name": "n", "steps": [step]}
    document["parameterDefinitions"] = definitions
    (folder / TEMPLATE).write_text(yaml.safe_dump(document))


def test_a_bug_in_a_worker_s_thread_is_no_task_that_was_done(tmp_path, monkeypatch):
    """An exception ends a thread quietly, and a run of which nothing was done would end well."""
    pytest.importorskip("openjd.sessions")
    from lumaflux.farm import openjd_session

    left = []

    class Session:
        def __init__(self, *_):
            pass

        def enter(self, step):
            pass

        def run(self, step, parameters):
            raise UnicodeEncodeError("utf-8", "x", 0, 1, "a bug")

        def leave(self):
            left.append(self)

    monkeypatch.setattr(openjd_session, "WorkerSession", Session)
    write_template(tmp_path)
    with pytest.raises(UnicodeEncodeError):
        run_bundle(tmp_path, workers=2)
    assert len(left) == 1


def test_an_interrupted_run_waits_until_its_sessions_are_left(tmp_path, monkeypatch):
    """The engine and its folder go with the session."""
    pytest.importorskip("openjd.sessions")
    from lumaflux.farm import openjd_session

    left, main = [], threading.main_thread().ident

    class Session:
        def __init__(self, name, values, stop, say):
            self.stop = stop

        def enter(self, step):
            pass

        def run(self, step, parameters):
            time.sleep(0.3)  # until who waits for it waits
            os.kill(os.getpid(), signal.SIGINT)
            assert self.stop.wait(30)
            return openjd_session.TaskOutcome(words="canceled")

        def leave(self):
            time.sleep(0.5)
            left.append(threading.get_ident())

    monkeypatch.setattr(openjd_session, "WorkerSession", Session)
    write_template(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_bundle(tmp_path)
    assert len(left) == 1
    assert left[0] != main
