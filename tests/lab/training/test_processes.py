"""Two processes over gloo end in the bits of one process with two micro-batches."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

CONFIG = """
stage: tower
run: {run}
views: {pool}
model: {model}
steps: 3
batch: 4
micro_batch: 2
crop: 64
learning_rate: 1.0e-3
warmup: 2
threads: 1
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def train_in_processes(folder: Path, count: int, pool: Path, model: Path) -> dict:
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG.format(run=folder / "run", pool=pool, model=model))
    port = str(free_port())
    children = []
    for rank in range(count):
        several = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1"}
        environment = {**os.environ, **(several if count > 1 else {}), "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "lumaflux.lab.training", str(folder / "config.yaml"), "--cpu"]
        children.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    for child in children:
        _, errors = child.communicate(timeout=240)
        assert child.returncode == 0, errors
    return load_file(folder / "run" / "checkpoint.safetensors")


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path, pool: Path, model_json: Path):
    one = train_in_processes(tmp_path / "one", 1, pool, model_json)
    two = train_in_processes(tmp_path / "two", 2, pool, model_json)
    assert one.keys() == two.keys()
    assert all((one[name] == two[name]).all() for name in one)
    moments = [name for name in one if name.startswith("exp_avg/")]
    assert moments
    assert any(one[name].abs().max() > 0 for name in moments)
