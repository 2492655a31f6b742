"""Random SIGKILLs of engines and of the runner: the finished sequence is whole, without duplicates, bit-identical."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from footage import pictures, write_clip

from lumaflux.farm.check import verify_job
from lumaflux.farm.job import JobFolder
from lumaflux.farm.job_spec import JobSpec
from lumaflux.farm.submit import make_bundle, render_here
from lumaflux.farm.template import write_bundle
from lumaflux.options import EncodeOptions

COMMAND = str(Path(sys.executable).with_name("lumaflux"))
FRAMES = 200


def engines(output):
    """Process ids of the engines that render into ``output``."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
            if "lumaflux.farm.engine_process" in words:
                start = json.loads((Path(words[3]) / "start.json").read_text())
                if start["output"] == str(output):
                    found.append(int(process.name))
        except (OSError, ValueError, IndexError):
            continue
    return found


def spoil(job, dice):
    """Finished work is taken away or damaged, so that there is something to kill."""
    for number in dice.sample(range(FRAMES), FRAMES // 4):
        path = job.picture(number)
        if path.exists() and dice.random() < 0.5:
            path.unlink()
        elif path.exists():
            os.truncate(path, dice.randrange(path.stat().st_size))


def killed(tmp_path, kills, seed):
    """Runs a job while killing; returns how many engines and runners were killed."""
    dice = random.Random(seed)
    clip = tmp_path / "clip.mp4"
    write_clip(clip, FRAMES, step=1)
    order = JobSpec(source=clip, model="tiny", device="cpu")
    render_here(order, tmp_path / "undisturbed", None, lambda done, total: None)
    out = tmp_path / "out"
    made = make_bundle(order, out, chunk=7, command=COMMAND, video=EncodeOptions())
    write_bundle(made, tmp_path / "bundle")
    command = [COMMAND, "farm", "run", str(tmp_path / "bundle"), "--workers", "2"]
    counts = {"engine": 0, "runner": 0}
    runner = None
    while sum(counts.values()) < kills:
        if runner is None or runner.poll() is not None:
            if runner is not None and runner.returncode == 0:
                spoil(JobFolder(out), dice)
            runner = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + (120 if dice.random() < 0.8 else 0)  # loading takes longer than rendering
        while not engines(out) and runner.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(dice.uniform(0.1, 6.0))
        victims = engines(out)
        if victims and dice.random() < 0.7:
            victim, kind = dice.choice(victims), "engine"
        else:
            victim, kind = runner.pid, "runner"
        if runner.poll() is None:
            os.kill(victim, signal.SIGKILL)
            counts[kind] += 1
            if kind == "runner":
                runner.wait()
    if runner is not None and runner.poll() is None:
        runner.wait(600)
    assert subprocess.run(command, capture_output=True, timeout=600).returncode == 0
    job = JobFolder(out)
    assert verify_job(job).sound
    assert pictures(out) == pictures(tmp_path / "undisturbed")
    assert sorted(path.name for path in out.iterdir()) == [".lumaflux", *sorted(pictures(out))]
    assert len(list((out / ".lumaflux" / "frames").rglob("[0-9]*.json"))) == FRAMES
    deadline = time.monotonic() + 60  # engines whose runner was killed see it and leave
    while engines(out) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not engines(out)
    return counts


@pytest.mark.slow
def test_a_few_kills(tmp_path):
    counts = killed(tmp_path, 6, seed=1)
    assert sum(counts.values()) == 6
    assert counts["engine"]


@pytest.mark.soak
def test_a_hundred_kills(tmp_path):
    counts = killed(tmp_path, 100, seed=2)
    print(f"killed {counts['engine']} engines and {counts['runner']} runners")
    assert min(counts.values()) > 10
