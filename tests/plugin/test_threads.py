"""Frames in any order, from several threads, instances and hosts at once; and frames that nobody wants any more."""

import os
from pathlib import Path

import numpy as np
import pytest
from host_pictures import Picture, blank
from host_process import OK

from lumaflux.color.sdr_to_pq import sdr_to_pq

SLOW = {"steps": 100}  # see conftest


def noise(seed, shape=(33, 40, 4)):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def placed(pixels, white=203.0):
    """What strength 0 makes of a frame."""
    out = pixels.copy()
    sdr = np.ascontiguousarray(pixels[..., :3].transpose(2, 0, 1))
    out[..., :3] = sdr_to_pq(sdr, white).transpose(1, 2, 0)
    return out


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid):
    return [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children") if file.read_text().strip()]


def test_instances_and_threads_at_once_get_their_own_frames(shared_scene):
    whites = {"a": 150.0, "b": 203.0, "c": 300.0}
    with shared_scene.host(*whites) as host:
        for name, white in whites.items():
            host.do("set", instance=name, values={"strength": 0.0, "reference_white": white})
        begun = []
        for time_ in (5, 1, 4, 0, 3, 2):
            for number, name in enumerate(whites):
                pixels = noise(10 * time_ + number)
                begun.append((name, pixels, host.begin_render(name, Picture(pixels), blank(pixels), time=time_)))
        for name, pixels, under_way in begun:
            assert host.end_render(under_way)["status"] == OK, host.said()
            np.testing.assert_array_equal(under_way[2].pixels, placed(pixels, whites[name]))
    shared_scene.hosts.remove(host)


def test_the_order_of_frames_changes_nothing(shared_scene, convert):
    frames = {time: noise(time) for time in range(4)}
    with shared_scene.host("a") as host:
        first = {time: convert(host, frames[time], time=time).copy() for time in (0, 1, 2, 3)}
        host.do("set", instance="a", values={"seed": 1})
        other = convert(host, frames[0], time=0)
        assert not np.array_equal(other, first[0])
        host.do("set", instance="a", values={"seed": 0})
        for time in (3, 0, 2, 1):
            np.testing.assert_array_equal(convert(host, frames[time], time=time), first[time])
    shared_scene.hosts.remove(host)


def test_two_hosts_share_one_engine_that_is_started_once(scene):
    hosts = [scene.host("a"), scene.host("a")]
    begun = []
    for number, host in enumerate(hosts):
        host.do("set", instance="a", values={"strength": 0.0})
        for time_ in range(2):
            pixels = noise(10 * number + time_)
            begun.append((host, pixels, host.begin_render("a", Picture(pixels), blank(pixels), time=time_)))
    for host, pixels, under_way in begun:
        assert host.end_render(under_way)["status"] == OK, host.said()
        np.testing.assert_array_equal(under_way[2].pixels, placed(pixels))
    assert len(scene.pids()) == 1
    assert children(hosts[0].pid) == children(hosts[1].pid) == []


def test_many_frames_leave_no_descriptor_and_no_memory_behind(shared_scene, convert):
    with shared_scene.host("a") as host:
        host.do("set", instance="a", values={"strength": 0.0})
        convert(host, noise(0))
        before = descriptors(host.pid)
        for seed in range(40):
            convert(host, noise(seed % 3))
        assert descriptors(host.pid) == before
        mapped = [
            line for line in Path(f"/proc/{host.pid}/maps").read_text().splitlines() if "/dev/shm/lumaflux" in line
        ]
        assert len(mapped) == 1  # the next frame's
        assert host.do("unload", close=False)["status"] == OK
        assert "/dev/shm/lumaflux" not in Path(f"/proc/{host.pid}/maps").read_text()
        assert not list(Path("/dev/shm").glob(f"lumaflux-{host.pid}-*"))
    shared_scene.hosts.remove(host)


def test_a_queue_that_is_full_is_waited_for(scene):
    scene.engine("from lumaflux.service import server, queue\nserver.JobQueue = lambda: queue.JobQueue(1)")
    with scene.host("a") as host:
        host.do("set", instance="a", values={"strength": 0.0})
        begun = []
        for time_ in range(6):
            begun.append((noise(time_), host.begin_render("a", Picture(noise(time_)), blank(noise(time_)), time=time_)))
        for pixels, under_way in begun:
            assert host.end_render(under_way)["status"] == OK, host.said()
            np.testing.assert_array_equal(under_way[2].pixels, placed(pixels))


@pytest.mark.parametrize("polls", [0, 1, 7])
def test_an_abort_is_heard_at_once_and_writes_nothing(shared_scene, polls):
    pixels = noise(polls)
    with shared_scene.host("a") as host:
        host.do("set", instance="a", values={"strength": 0.0})
        host.render("a", Picture(pixels), blank(pixels))  # the engine is there
        host.do("set", instance="a", values=SLOW | {"strength": 1.0})
        target = blank(pixels)
        before = bytes(target.memory)
        answer = host.render("a", Picture(pixels), target, abort_after=polls)
        assert answer["status"] == OK
        assert answer["polls"] == polls + 1
        assert answer["seconds"] - answer["told"] < 0.3
        assert target.untouched(before)
        assert host.said() == []
    shared_scene.hosts.remove(host)


def test_the_engine_gives_an_aborted_frame_up(scene, until):
    pixels = noise(0)
    with scene.host("a") as host:
        host.do("set", instance="a", values={"strength": 0.0})
        host.render("a", Picture(pixels), blank(pixels))  # the engine is there
        host.do("set", instance="a", values=SLOW)
        assert host.render("a", Picture(pixels), blank(pixels), abort_after=15)["status"] == OK
        until(scene.given_up.exists)


def test_the_host_is_asked_often_while_it_waits(shared_scene):
    pixels = noise(0)
    with shared_scene.host("a") as host:
        host.do("set", instance="a", values=SLOW)
        answer = host.render("a", Picture(pixels), blank(pixels))
        assert answer["status"] == OK
        assert answer["polls"] > 15  # every 30 ms, were the machine idle: 50
        assert answer["longest_gap"] < 0.5
    shared_scene.hosts.remove(host)


def test_a_cold_start_can_be_aborted(scene):
    scene.engine(command="sleep 6; exit 1")
    with scene.host("a") as host:
        answer = host.render("a", Picture(noise(0)), blank(noise(0)), abort_after=5)
        assert answer["status"] == OK
        assert answer["seconds"] - answer["told"] < 0.3
        assert answer["seconds"] < 2.5
        assert host.said() == []


def test_one_aborted_frame_does_not_disturb_another(shared_scene):
    with shared_scene.host("a", "b") as host:
        host.do("set", instance="a", values=SLOW)
        host.do("set", instance="b", values={"strength": 0.0})
        one = host.begin_render("a", Picture(noise(20)), blank(noise(20)), abort_after=10)
        other = host.begin_render("b", Picture(noise(21)), blank(noise(21)))
        assert host.end_render(one)["status"] == OK
        assert host.end_render(other)["status"] == OK
        np.testing.assert_array_equal(other[2].pixels, placed(noise(21)))
    shared_scene.hosts.remove(host)


def test_the_engine_learns_what_a_frame_is_for(scene):
    seen = scene.root / "seen"
    scene.engine(
        "from lumaflux.service.session import Session\n"
        "work = Session._work\n"
        "def seen(self, job, request, parameters):\n"
        f"    open('{seen}', 'a').write(f'{{request.priority}} {{request.frame}}\\n')\n"
        "    return work(self, job, request, parameters)\n"
        "Session._work = seen"
    )
    with scene.host("a") as host:
        host.do("set", instance="a", values={"strength": 0.0})
        ways = [{}, {"interactive": True}, {"thumbnail": True}, {"draft": True, "interactive": True}, {"scale": 0.25}]
        for time_, how in enumerate(ways):
            assert host.render("a", Picture(noise(0)), blank(noise(0)), time=time_, **how)["status"] == OK
    assert seen.read_text().split("\n")[:-1] == [
        "final 0",
        "interactive 1",
        "thumbnail 2",
        "thumbnail 3",
        "final 4",  # a proxy is a frame, smaller
    ]
