"""What an interrupted, killed or fuzzed conversion leaves behind."""

import os
import random
import signal
import subprocess
import sys
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from engine.errors import UserError

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


def started(folder):
    """A conversion of a long clip whose partial file is there already."""
    write_clip(folder / "in.mp4", 600)
    command = [sys.executable, "-m", "engine.cli", "convert", "in.mp4", "out.mp4", "--model", "tiny"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(os.listdir(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert process.poll() is None
    return process


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("wait", [0.0, 5.0])
def test_an_interrupt_leaves_nothing_and_exits_with_130(tmp_path, wait, sent):
    process = started(tmp_path)
    time.sleep(wait)
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert os.listdir(tmp_path) == ["in.mp4"]


def test_a_killed_run_never_leaves_a_file_under_the_final_name(tmp_path):
    process = started(tmp_path)
    time.sleep(6)
    process.kill()
    process.communicate(timeout=60)
    assert not (tmp_path / "out.mp4").exists()
    assert all(name == "in.mp4" or name.startswith(".") for name in os.listdir(tmp_path))


def test_two_hundred_mutated_files_end_in_a_sentence_or_a_picture(tmp_path):
    from engine.media.info import probe
    from engine.media.stills import read_still, write_still
    from engine.media.video_reader import VideoReader

    write_clip(tmp_path / "whole.mp4", 8)
    write_still(tmp_path / "whole.png", np.full((3, 24, 32), 0.4, dtype=np.float32))
    rng = random.Random(5)
    outcomes, sentences = {"read": 0, "refused": 0}, []
    for number in range(200):
        kind = rng.choice(["mp4", "png"])
        content = bytearray((tmp_path / f"whole.{kind}").read_bytes())
        for _ in range(rng.randint(1, 12)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        if rng.random() < 0.3:
            del content[rng.randrange(len(content)) :]
        path = tmp_path / f"mutant{number}.{kind}"
        path.write_bytes(content)
        try:
            if probe(path).kind == "still":
                assert np.isfinite(read_still(path, allow_hdr=True).sdr).all()
            else:
                with VideoReader(path, allow_hdr=True) as reader:
                    assert all(np.isfinite(frame.sdr).all() for frame in reader)
            outcomes["read"] += 1
        except UserError as error:
            sentences.append(str(error))
            outcomes["refused"] += 1
        path.unlink()
    assert min(outcomes.values()) > 0
    assert not [sentence for sentence in sentences if "\n" in sentence]
