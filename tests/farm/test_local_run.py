"""`lumaflux farm run` where what it calls does not do what it should."""

import pytest
import yaml

from lumaflux.farm.local_run import run_bundle
from lumaflux.farm.template import TEMPLATE


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
    step = {"name": "s", "script": {"actions": {"onRun": {"command": "true"}}}}
    definitions = [{"name": name, "type": "STRING", "default": str(tmp_path / "out")} for name in ("Frames", "Engine")]
    document = {"specificationVersion": "jobtemplate-2023-09", "name": "n", "steps": [step]}
    document["parameterDefinitions"] = definitions
    (tmp_path / TEMPLATE).write_text(yaml.safe_dump(document))
    with pytest.raises(UnicodeEncodeError):
        run_bundle(tmp_path, workers=2)
    assert len(left) == 1
