"""Curation killed at random moments ends in the bits of an undisturbed one."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lumaflux.digests import sha256

SPECIFICATION = """
name: killed
size: 32
frames: 3
segments_per_panorama: 20
segments_per_still: 10
renderings: 3
"""


def content(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def start(folder: Path, hdr_dir: Path, workers: int = 1) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    (folder / "s.yaml").write_text(SPECIFICATION)
    command = [sys.executable, "-m", "lumaflux.cli", "curate", str(folder / "s.yaml"), str(folder / "corpus")]
    options = ["--hdr-dir", str(hdr_dir), "--workers", str(workers)]
    return subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def killed(folder: Path, hdr_dir: Path, kills: int) -> dict[str, str]:
    """Kills the command after 0.1 to 1.5 s of work, ``kills`` times, then lets it finish."""
    rng = random.Random(1)
    done = 0
    while done < kills:
        child = start(folder, hdr_dir)
        before = len(list(folder.glob("corpus/.done/*.json")))
        deadline = time.monotonic() + 60
        while len(list(folder.glob("corpus/.done/*.json"))) <= before and time.monotonic() < deadline:
            if child.poll() is not None:
                break
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 0.3))
        if child.poll() is not None:
            break
        child.send_signal(signal.SIGKILL)
        child.wait()
        done += 1
    assert done, "the run ended before it was killed once"
    assert start(folder, hdr_dir).wait(timeout=240) == 0
    return content(folder / "corpus")


def whole(folder: Path, hdr_dir: Path) -> dict[str, str]:
    assert start(folder, hdr_dir).wait(timeout=240) == 0
    return content(folder / "corpus")


@pytest.mark.slow
def test_three_kills(tmp_path: Path, hdr_dir: Path):
    assert killed(tmp_path / "killed", hdr_dir, 3) == whole(tmp_path / "whole", hdr_dir)


@pytest.mark.soak
def test_twenty_kills(tmp_path: Path, hdr_dir: Path):
    assert killed(tmp_path / "killed", hdr_dir, 20) == whole(tmp_path / "whole", hdr_dir)


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished(tmp_path: Path, hdr_dir: Path):
    child = start(tmp_path / "a", hdr_dir, workers=2)
    while not list((tmp_path / "a").glob("corpus/.done/*.json")) and child.poll() is None:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=60) == 130
    assert list((tmp_path / "a").glob("corpus/.done/*.json"))
    assert not (tmp_path / "a" / "corpus" / "corpus.json").exists()
