"""What an interrupted or killed conversion leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction

import av
import numpy as np
import pytest

pytestmark = pytest.mark.slow


def write_clip(path, frames, size=(96, 64)):
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(24))
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        for _ in range(frames):
            picture = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())


def started(folder, frames_done=0):
    """A conversion of a long clip whose partial file is there already, and of which so many frames are finished."""
    write_clip(folder / "in.mp4", 600)
    command = [sys.executable, "-m", "lumaflux.cli", "convert", "in.mp4", "out.mp4", "--model", "tiny"]
    command += ["--track", "none", "--progress", "json"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(os.listdir(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    done = -1
    while frames_done and done < frames_done and time.monotonic() < deadline:
        done = json.loads(process.stderr.readline())["frames"]
    assert process.poll() is None
    return process


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_before_the_first_frame_leaves_nothing_or_a_whole_partial_file(tmp_path, sent):
    process = started(tmp_path)
    process.send_signal(sent)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert set(os.listdir(tmp_path)) <= {"in.mp4", "out.partial.mp4"}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_finishes_the_frame_in_hand_and_leaves_a_playable_partial_file(tmp_path, sent):
    process = started(tmp_path, frames_done=4)
    process.send_signal(sent)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    last = said.strip().splitlines()[-1]
    assert "frames that were finished are in out.partial.mp4" in last
    assert sorted(os.listdir(tmp_path)) == ["in.mp4", "out.partial.mp4"]
    with av.open(str(tmp_path / "out.partial.mp4")) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert f"the {frames} frames" in last
    assert 4 <= frames < 600


def test_a_killed_run_never_leaves_a_file_under_the_final_name(tmp_path):
    process = started(tmp_path)
    time.sleep(6)
    process.kill()
    process.communicate(timeout=60)
    assert not (tmp_path / "out.mp4").exists()
    assert all(name == "in.mp4" or name.startswith(".") for name in os.listdir(tmp_path))
