"""A build that is killed at random moments ends, when it is taken up again, in the same bits as an undisturbed one."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from lumaflux.lab.evaluation.sets.build import build_set
from lumaflux.lab.evaluation.sets.manifest import MANIFEST, damaged_files

KILLS = 20


@pytest.mark.slow
def test_killed_builds_end_in_the_same_bits(packages, hdr_dir, write_specification, tmp_path):
    path = write_specification(
        {"kind": "panorama", "collections": ["blender"], "size": [128, 96], "views": 8},
        {"kind": "still", "collections": ["openexr"], "size": [48, 32], "views": 2},
        {"kind": "gain-map", "folder": "gainmap", "within": [32, 32], "licence": "CC0"},
        renderings={"crf": [23, 31, 39]},
    )
    began = time.monotonic()
    whole = build_set(path, tmp_path / "whole", packages=packages, hdr_dir=hdr_dir)
    duration = time.monotonic() - began
    script = (
        "import sys; from pathlib import Path; from lumaflux.lab.evaluation.sets.build import build_set\n"
        "spec, out, packages, hdr = map(Path, sys.argv[1:])\n"
        "import lumaflux.media.stills.picture, lumaflux.lab.data.x264_clip; print('ready', flush=True)\n"
        "build_set(spec, out, packages=packages, hdr_dir=hdr)\n"
    )
    generator = random.Random(5)
    killed = 0
    for number in range(KILLS):
        out = tmp_path / f"set-{number // 4}"  # four kills in a row to each folder
        command = [sys.executable, "-c", script, str(path), str(out), str(packages), str(hdr_dir)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(generator.uniform(0, duration / 2))
            os.kill(process.pid, signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
        if number % 4 == 3:
            assert build_set(path, out, packages=packages, hdr_dir=hdr_dir) == whole
            assert damaged_files(out, whole) == []
            there = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
            assert {name for name in there if not name.startswith(".built/")} == {*whole.files, MANIFEST}
            assert not [name for name in there if ".partial" in name or ".scratch" in name]
    assert killed >= KILLS // 4  # a busy machine may end some builds before their kill
