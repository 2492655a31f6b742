"""A job over a Ray cluster of two nodes on this machine: whole, bit-identical, one model load a worker."""

import os
import signal
import time
from pathlib import Path

import pytest
from footage import pictures

from lumaflux.errors import UserError
from lumaflux.farm.check import verify_job
from lumaflux.farm.job import JobFolder
from lumaflux.farm.job_spec import JobSpec

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(monkeypatch):
    ray = pytest.importorskip("ray", reason="Ray is the extra [farm]")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.second = made.add_node(num_cpus=1)
    made.wait_for_nodes()
    ray.init(address=made.address, namespace="lumaflux", log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


def workers():
    """Process ids of Ray's frame workers."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if "ray::FrameWorker" in (process / "cmdline").read_bytes().decode():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def gone(found, seconds=20):
    """Whether nothing is left: Ray ends an actor's process some time after the actor."""
    end = time.monotonic() + seconds
    while found() and time.monotonic() < end:
        time.sleep(0.1)
    return not found()


@pytest.fixture
def run(media, tmp_path):
    from lumaflux.farm.ray_run import run_on_ray

    def call(progress=lambda done, total: None, **changes):
        order = JobSpec(**{"source": media / "clip.mp4", "model": "tiny", "device": "cpu", **changes})
        return run_on_ray(order, JobFolder(tmp_path / "out"), chunk=2, progress=progress)

    return call


def test_two_nodes(cluster, run, tmp_path, undisturbed):
    seen = []
    report = run(lambda done, total: seen.append((done, total)))
    assert pictures(tmp_path / "out") == undisturbed
    assert (len(report.chunk.rendered), report.lost) == (24, 0)
    assert set(report.loads.values()) == {1}
    assert seen == sorted(seen)
    assert seen[-1] == (24, 24)
    again = run()
    assert (again.chunk.rendered, len(again.chunk.kept)) == ([], 24)
    with pytest.raises(UserError, match="belongs to another job"):
        run(precision="bf16")
    assert gone(workers)


def test_a_worker_and_a_node_are_lost(cluster, run, tmp_path, undisturbed):
    killed, removed = [], []

    def disturb(done, total):
        if not killed:
            killed.append(workers()[0])
            os.kill(killed[0], signal.SIGKILL)
        elif not removed:
            removed.append(cluster.second)
            cluster.remove_node(cluster.second, allow_graceful=False)

    report = run(disturb)
    assert killed
    assert removed
    assert report.lost >= 1
    assert verify_job(JobFolder(tmp_path / "out")).sound
    assert pictures(tmp_path / "out") == undisturbed
