"""Bringing the training packages, by stand-ins of apt-get, dpkg-deb and npm that leave what those leave."""

import os
import subprocess
import sys

import pytest

from lumaflux.lab.data.fetch import DEBIAN_PACKAGES, NPM_PACKAGES, main

PROGRAMS = {
    "apt-get": "touch ${2}_1.0_all.deb",
    "dpkg-deb": "mkdir $3 && touch $3/picture.exr",
    "npm": "mkdir package && touch package/a.js && tar -czf pmndrs-assets-1.0.tgz package && rm -r package",
}


@pytest.fixture
def programs(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, line in PROGRAMS.items():
        (folder / name).write_text(f"#!/bin/sh\nset -e\necho $0 $* >> {tmp_path}/calls\n{line}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_packages_are_unpacked_once(programs, tmp_path):
    for _ in range(2):
        main([str(tmp_path / "packages")])
    found = {str(path.relative_to(tmp_path / "packages")) for path in (tmp_path / "packages").rglob("*.*")}
    wanted = {f"{name}/picture.exr" for name in DEBIAN_PACKAGES} | {
        f"{name}/package/a.js" for name in NPM_PACKAGES.values()
    }
    assert wanted <= found
    assert not [name for name in found if name.endswith((".deb", ".tgz"))]
    assert len((tmp_path / "calls").read_text().splitlines()) == 2 * len(DEBIAN_PACKAGES) + len(NPM_PACKAGES)


@pytest.mark.skipif(sys.platform == "win32", reason="programs are shell scripts")
def test_what_is_missing_or_fails_is_a_sentence(programs, tmp_path, monkeypatch, capsys):
    (programs / "apt-get").write_text("#!/bin/sh\necho E: no such package >&2\nexit 100\n")
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "p")])
    assert "'apt-get download blender-data' failed: E: no such package" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path))
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "lumaflux.lab.data.fetch", str(tmp_path / "p")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "lumaflux: fetching training pictures needs apt-get, which is not installed\n",
    )
