"""`lumaflux farm` as a person types it."""

import subprocess
import sys
from pathlib import Path

import pytest
from footage import pictures

COMMAND = str(Path(sys.executable).with_name("lumaflux"))


def run(*words):
    return subprocess.run([COMMAND, *map(str, words)], capture_output=True, text=True)


@pytest.mark.slow
def test_the_plain_shell_recipe(media, tmp_path, undisturbed):
    out, clip = tmp_path / "out", media / "clip.mp4"
    for frames in ("16-23", "0-15"):
        done = run("farm", "frames", clip, out, "--only", frames, "--model", "tiny", "--device", "cpu")
        assert done.returncode == 0, done.stderr
    assert pictures(out) == undisturbed
    status = run("farm", "status", out)
    assert (status.returncode, status.stdout.splitlines()[0]) == (0, "24 of 24 frames done")
    assert run("farm", "verify", out).stdout == "24 of 24 frames are sound\n"
    assert run("farm", "encode", out, tmp_path / "clip-hdr.mp4").returncode == 0
    refused = run("farm", "frames", clip, out, "--model", "tiny", "--device", "cpu", "--strength", "0.5")
    assert refused.returncode == 2
    assert "its strength is 1.0, not 0.5" in refused.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("status", "none"), "holds no job"),
        (("run", "none"), "cannot be read"),
        (("engine-start", "none", "clip.mp4", "out"), "the job none cannot be read"),
        (("chunk", "1-2"), "LUMAFLUX_FARM_ENGINE is not set"),
        (("encode", "none", "out.mp4", "--fps", "fast"), "'fast' is no frame rate"),
    ],
)
def test_errors_are_one_sentence(words, sentence):
    done = run("farm", *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
