"""Farm jobs where names, folders, commands and numbers of workers are not as usual."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from lumaflux.errors import UserError
from lumaflux.farm import leftovers, local_run
from lumaflux.farm.engine_process import SOCKET, START, _listening
from lumaflux.farm.leftovers import ENGINE, SESSION, remove_leftovers
from lumaflux.farm.local_run import run_bundle, values_of
from lumaflux.farm.sockets import near
from lumaflux.farm.template import OPENJD_PARAMETERS, TEMPLATE, _job_name, _plain


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_refused(tmp_path, workers):
    with pytest.raises(UserError, match=f"workers are {workers}"):
        run_bundle(tmp_path, workers=workers)
    from lumaflux.farm.job import JobFolder
    from lumaflux.farm.ray_run import run_on_ray

    spec: Any = None  # is not looked at
    with pytest.raises(UserError, match=f"workers are {workers}"):
        run_on_ray(spec, JobFolder(tmp_path), workers=workers)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("LumaFlux clip.mov", "LumaFlux clip.mov"),
        ("LumaFlux a{{x}}.mov", "LumaFlux a{ {x} }.mov"),
        ("LumaFlux {{Param.Input}}", "LumaFlux { {Param.Input} }"),
        ("LumaFlux {{{{x", "LumaFlux { { { {x"),
        ("LumaFlux }}}", "LumaFlux } } }"),
        ("LumaFlux a\nb\x07", "LumaFlux a b "),
        ("x" * 100, "x" * 64),
    ],
)
def test_job_names_hold_no_expression(name, shown):
    pytest.importorskip("openjd.model")
    from openjd.model import decode_job_template

    assert _job_name(name) == shown
    step = {"name": "s", "script": {"actions": {"onRun": {"command": "true"}}}}
    document = {"specificationVersion": "jobtemplate-2023-09", "name": _job_name(name), "steps": [step]}
    assert str(decode_job_template(template=document).name) == shown


def test_json_in_a_template_keeps_its_meaning():
    whole = {"naming": "a{{x}}b{{{.%04d.png", "model": "/m/{{Param.Engine}}", "deep": {"settings": {}}}
    text = _plain(json.dumps(whole, indent=1), "{\\u007b", "}\\u007d")
    assert "{{" not in text
    assert "}}" not in text
    assert json.loads(text) == whole


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / TEMPLATE).write_text("{}")

    def write(content):
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (tmp_path / OPENJD_PARAMETERS).write_text(text)
        return tmp_path

    return write


def test_the_values_beside_a_template(bundle, tmp_path):
    assert values_of(bundle({"Engine": "/a/b", "FrameSet": "0-3"})) == {"Engine": "/a/b", "FrameSet": "0-3"}
    assert values_of(tmp_path / TEMPLATE) == {"Engine": "/a/b", "FrameSet": "0-3"}
    for broken in ("[1, 2]", "3", "{1: 2}", "a: [", "\x00"):
        with pytest.raises(UserError, match="write the bundle anew"):
            values_of(bundle(broken))


def test_the_command_is_found_without_the_environment_on_the_path(bundle, monkeypatch, tmp_path):
    own = Path(sys.executable).with_name("lumaflux")
    monkeypatch.setattr(local_run.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    folder = bundle({"Engine": "lumaflux"})
    assert values_of(folder)["Engine"] == "lumaflux"  # neither here nor there
    (tmp_path / "lumaflux").write_text("")
    assert values_of(folder)["Engine"] == str(tmp_path / "lumaflux")
    (tmp_path / OPENJD_PARAMETERS).unlink()
    assert values_of(folder)["Engine"] == str(tmp_path / "lumaflux")  # of a bundle before these files
    assert values_of(bundle({"Engine": "/farm/lumaflux"}))["Engine"] == "/farm/lumaflux"
    monkeypatch.setenv("PATH", str(own.parent))
    if own.exists():
        assert values_of(bundle({"Engine": "lumaflux"}))["Engine"] == "lumaflux"


@pytest.mark.parametrize("length", [10, 86, 200])
def test_engines_listen_in_directories_of_any_depth(tmp_path, length):
    folder = tmp_path / ("x" * length)
    folder.mkdir()
    with _listening(folder) as listener:
        assert sorted(path.name for path in folder.iterdir()) == [SOCKET]
        with near(folder) as short, socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{short}/{SOCKET}")
            listener.accept()[0].close()
    assert not list(folder.iterdir())


def engine_folder(root, name, *, owner=None, age_s=0.0):
    folder = root / f"{ENGINE}{name}"
    folder.mkdir()
    (folder / START).write_text(json.dumps({} if owner is None else {"owner": owner}))
    stamp = time.time() - age_s
    os.utime(folder, (stamp, stamp))
    return folder


@pytest.fixture
def dead():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_what_killed_runs_left_is_removed_and_what_lives_stays(tmp_path, dead):
    gone = [engine_folder(tmp_path, "dead", owner=dead), engine_folder(tmp_path, "old", age_s=7200)]
    kept = [engine_folder(tmp_path, "mine", owner=os.getpid(), age_s=7200), engine_folder(tmp_path, "young")]
    sessions = tmp_path / "OpenJD"
    sessions.mkdir()
    for name, folders in ((dead, gone), (os.getpid(), kept), ("abc", kept)):
        folders.append(sessions / f"{SESSION}{name}-ffff")
        folders[-1].mkdir()
    kept += [tmp_path / "lumaflux-farmer", sessions / "somebody-1-a"]
    for folder in kept[-2:]:
        folder.mkdir()
    (tmp_path / f"{ENGINE}file").write_text("")
    (tmp_path / f"{ENGINE}link").symlink_to(kept[0])
    assert sorted(remove_leftovers(tmp_path)) == sorted(gone)
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in [*kept, tmp_path / f"{ENGINE}file", tmp_path / f"{ENGINE}link"])


def test_an_engine_that_answers_stays_whoever_asked_for_it(tmp_path, dead):
    folder = engine_folder(tmp_path, "serving", owner=dead, age_s=7200)
    with _listening(folder):
        assert remove_leftovers(tmp_path) == []
    assert remove_leftovers(tmp_path) == [folder]


def test_other_users_folders_stay(tmp_path, dead, monkeypatch):
    folder = engine_folder(tmp_path, "theirs", owner=dead)
    monkeypatch.setattr(leftovers.os, "geteuid", lambda: os.getuid() + 1)
    assert remove_leftovers(tmp_path) == []
    assert folder.exists()
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("AuthenticationError", "get-auth-token --generate"),
        ("ConnectionError", r"no Ray cluster answers at 10\.0\.0\.1:6379 \(Failed to connect\)"),
        ("ValueError", "no Ray cluster answers"),
        ("RuntimeError", "no Ray cluster answers"),
        ("TimeoutError", "no Ray cluster answers"),
    ],
)
def test_ray_s_failures_are_sentences(tmp_path, monkeypatch, kind, said):
    from lumaflux.farm import ray_run
    from lumaflux.farm.job import JobFolder

    authentication = type("AuthenticationError", (Exception,), {})
    raised = {**vars(__import__("builtins")), "AuthenticationError": authentication}[kind]

    def init(**how):
        raise raised("Failed to connect.\nmore lines")

    ray: Any = ModuleType("ray")
    config: Any = ModuleType("ray.job_config")
    ray.is_initialized, ray.init = (lambda: False), init
    ray.exceptions = SimpleNamespace(AuthenticationError=authentication)
    config.JobConfig = lambda **how: how
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.job_config", config)
    monkeypatch.setattr(ray_run, "open_renderer", lambda *asked: SimpleNamespace(manifest=None))
    asked: Any = SimpleNamespace(source=Path("clip.mp4"))
    with pytest.raises(UserError, match=said):
        ray_run.run_on_ray(asked, JobFolder(tmp_path / "out"), address="10.0.0.1:6379")
