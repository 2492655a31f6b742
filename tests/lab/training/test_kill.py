"""A training killed at random moments ends in the bits of an undisturbed one."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONFIG = """
stage: tower
run: {run}
views: {pool}
model: {model}
steps: 30
batch: 4
crop: 64
learning_rate: 1.0e-3
warmup: 2
threads: 1
checkpoint_seconds: 0
validate_every: 7
"""


def start(folder: Path, pool: Path, model: Path) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG.format(run=folder / "run", pool=pool, model=model))
    return subprocess.Popen([sys.executable, "-m", "lumaflux.lab.training", str(folder / "config.yaml"), "--cpu"])


def killed_run(folder: Path, pool: Path, model: Path, kills: int) -> tuple[bytes, bytes]:
    rng = random.Random(0)
    done = 0
    while done < kills:
        child = start(folder, pool, model)
        deadline = time.monotonic() + 60
        while not (folder / "run" / "train.log").exists() and time.monotonic() < deadline and child.poll() is None:
            time.sleep(0.05)
        time.sleep(rng.uniform(0.0, 3.0))
        if child.poll() is not None:
            break
        child.send_signal(signal.SIGKILL)
        child.wait()
        done += 1
    assert done, "the run ended before it was killed once"
    return finished(folder, pool, model)


def finished(folder: Path, pool: Path, model: Path) -> tuple[bytes, bytes]:
    assert start(folder, pool, model).wait(timeout=240) == 0
    run = folder / "run"
    return (run / "checkpoint.safetensors").read_bytes(), (run / "siglip.safetensors").read_bytes()


@pytest.mark.slow
def test_three_kills(tmp_path: Path, pool: Path, model_json: Path):
    assert killed_run(tmp_path / "killed", pool, model_json, 3) == finished(tmp_path / "whole", pool, model_json)


@pytest.mark.soak
def test_twenty_kills(tmp_path: Path, pool: Path, model_json: Path):
    assert killed_run(tmp_path / "killed", pool, model_json, 20) == finished(tmp_path / "whole", pool, model_json)
