import json
import os
import platform
import sys

import pytest

import lumaflux
from lumaflux.errors import UserError
from lumaflux.service import bundle, runtime
from lumaflux.service.client import Client
from lumaflux.service.parameters import parameters_json
from lumaflux.service.self_test import end_worker, self_test


@pytest.fixture
def built(tmp_path):
    """Stands in for what `make plugin` builds: only its files' places matter here."""
    library = tmp_path / "build" / bundle.NAME / "Contents" / "Linux-x86-64" / bundle.LIBRARY
    library.parent.mkdir(parents=True)
    library.write_bytes(b"\x7fELF")
    return library.parents[2]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "Plugins"


def model_directory(path):
    path.mkdir()
    (path / "config.json").write_text("{}")
    return str(path)


def choices(target):
    description = json.loads((target / "Contents" / "Resources" / "parameters.json").read_text())
    return next(member for member in description["parameters"] if member["name"] == "model")["choices"]


def test_installed_is_the_bundle_with_what_the_effect_reads(built, folder):
    target = bundle.install(folder, built=built)
    assert target == folder / bundle.NAME
    resources = target / "Contents" / "Resources"
    assert (target / "Contents" / "Linux-x86-64" / bundle.LIBRARY).read_bytes() == b"\x7fELF"
    about = json.loads((resources / "engine.json").read_text())
    assert (about["python"], about["version"]) == (sys.executable, lumaflux.__version__)
    assert about["python_version"] == platform.python_version()
    assert about["library"] == "" or os.path.isfile(about["library"])
    assert os.path.isdir(about["packages"])
    assert json.loads((resources / "parameters.json").read_text()) == parameters_json()
    assert os.listdir(folder) == [bundle.NAME]
    found = bundle.installed(folder)
    assert (found.path, found.python, found.version, found.faults) == (target, sys.executable, lumaflux.__version__, [])


def test_installing_again_replaces_and_keeps_the_order_of_models(built, folder, tmp_path):
    one, two = model_directory(tmp_path / "one"), model_directory(tmp_path / "two")
    bundle.install(folder, built=built, models={two: "Two"})
    (folder / bundle.NAME / "left over").write_text("")
    target = bundle.install(folder, built=built, models={one: "One"})
    assert choices(target) == ["Lite", "Two", "One"]
    assert not (target / "left over").exists()
    assert os.listdir(folder) == [bundle.NAME]


def test_a_model_that_is_none_is_refused_and_nothing_changes(built, folder, tmp_path):
    bundle.install(folder, built=built)
    with pytest.raises(UserError, match=r"no config\.json"):
        bundle.install(folder, built=built, models={str(tmp_path): "Nothing"})
    assert bundle.installed(folder).faults == []


def test_a_missing_bundle_and_a_folder_that_cannot_be_written_are_one_sentence(built, folder, tmp_path):
    with pytest.raises(UserError, match="run `make plugin`"):
        bundle.install(folder, built=tmp_path)
    folder.write_text("a file")
    with pytest.raises(UserError, match=r"cannot be written .*--dir"):
        bundle.install(folder, built=built)


def test_a_failure_in_the_middle_leaves_the_old_bundle(built, folder, monkeypatch):
    target = bundle.install(folder, built=built)
    (target / "mark").write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle, "write_parameters", fail)
    with pytest.raises(UserError, match="No space left"):
        bundle.install(folder, built=built)
    assert (target / "mark").read_text() == "old"
    assert os.listdir(folder) == [bundle.NAME]


def test_where_hosts_look(monkeypatch, tmp_path):
    monkeypatch.delenv("OFX_PLUGIN_PATH", raising=False)
    assert bundle.plugin_folder() == bundle.USUAL_FOLDER
    monkeypatch.setenv("OFX_PLUGIN_PATH", f":{tmp_path}:/elsewhere")
    assert bundle.plugin_folder() == tmp_path
    assert bundle.plugin_folder(tmp_path / "named") == tmp_path / "named"


def test_what_is_wrong_with_an_installed_bundle_is_said(built, folder):
    resources = bundle.install(folder, built=built) / "Contents" / "Resources"
    (resources / "engine.json").write_text(json.dumps({"python": "/no/python", "version": "0.0.1"}))
    faults = bundle.installed(folder).faults
    assert any("/no/python" in fault for fault in faults)
    assert any("0.0.1" in fault for fault in faults)
    (resources / "engine.json").write_text("{")
    assert "does not say which Python" in bundle.installed(folder).faults[0]


def test_uninstalling_removes_the_bundle_and_nothing_else(built, folder):
    bundle.install(folder, built=built)
    (folder / "Other.ofx.bundle").mkdir()
    bundle.uninstall(folder)
    assert os.listdir(folder) == ["Other.ofx.bundle"]
    with pytest.raises(UserError, match="not installed"):
        bundle.uninstall(folder)


def test_the_self_test_passes_with_a_worker_that_runs(worker):
    proof = self_test(directory=worker[0], model="tiny")
    assert (proof.pid, proof.started) == (worker[1].pid, False)
    assert self_test(directory=worker[0], model="tiny").seconds > 0.001  # rendered, not found in the cache


def test_the_self_test_starts_a_worker_and_ends_one_of_another_version(start, directory):
    old = start(
        patch="import lumaflux.service.server, lumaflux.service.session\n"
        "lumaflux.service.server.__version__ = lumaflux.service.session.__version__ = '0.0.1'"
    )
    proof = self_test(directory=directory, model="tiny")
    try:
        assert old.wait(30) == 0
        assert proof.started
        assert proof.pid == runtime.running_pid(directory) != old.pid
    finally:
        assert end_worker(directory)


def test_the_self_test_fails_when_pixels_are_wrong(start, directory):
    start(
        patch="""
import pathlib
from lumaflux.service import runtime
from lumaflux.service.renderer import Renderer
real, fault = Renderer.render_frame, runtime.open_runtime_directory().path / "fault"
def wrong(self, *args, **how):
    source = args[0].copy()  # the result may lie where the source was
    result = real(self, *args, **how)
    exec(fault.read_text())
    return result
Renderer.render_frame = wrong
"""
    )
    for fault, said in [
        ("result.pixels[..., 0] += 1e-3", "static placement is off"),
        ("result.pixels[..., 3] = 0", "alpha was changed"),
        ("result.pixels[0, 0, 0] = float('nan')", "no numbers"),
        (
            "from lumaflux.settings import Settings; from lumaflux.service.parameters import *; "
            "result = real(self, source, RenderParameters(settings=Settings(strength=0.0)), out=how['out'])",
            "does nothing",
        ),
    ]:
        (directory.path / "fault").write_text(fault)
        with pytest.raises(UserError, match=said):
            self_test(directory=directory, model="tiny")


def test_a_python_that_cannot_run_the_engine_is_said(directory, tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'No module named engine' >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(UserError, match="No module named engine"):
        self_test(str(fake), directory=directory)


def test_commands_install_show_and_remove(built, folder, root, monkeypatch, capsys):
    from lumaflux.service import commands

    monkeypatch.setenv("LUMAFLUX_RUNTIME_DIR", str(root))
    commands.install(folder=folder, bundle=built, self_test=False)
    commands.status(folder=folder)
    commands.uninstall(folder=folder)
    said = capsys.readouterr().out
    assert f"installed {folder / bundle.NAME}" in said
    assert "engine: does not run" in said
    assert f"removed {folder / bundle.NAME}" in said
    with pytest.raises(UserError, match="plugin install"):
        commands.status(folder=folder)
    with pytest.raises(UserError, match="LABEL=DIR"):
        commands.install(folder=folder, bundle=built, model=["nonsense"], self_test=False)


def test_status_asks_the_worker_that_runs(built, folder, worker, monkeypatch, capsys):
    from lumaflux.service import commands

    monkeypatch.setenv("LUMAFLUX_RUNTIME_DIR", str(worker[0].path.parent))
    bundle.install(folder, built=built)
    commands.status(folder=folder)
    assert f"process {worker[1].pid}" in capsys.readouterr().out
    with Client(worker[0]) as client:
        assert client.ping()["type"] == "pong"
