"""Engines that die, hang, cannot start or are strangers: each has its outcome, and the host lives."""

import json
import os
import random
import signal
import stat
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from host_pictures import Picture, blank
from host_process import FAILED, OK, HostProcess

import lumaflux
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.service import runtime

SLOW = {"steps": 100}  # see conftest
STATIC = {"strength": 0.0}


def noise(seed, shape=(24, 32, 4)):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def placed(pixels):
    """What strength 0 makes of a frame."""
    out = pixels.copy()
    out[..., :3] = sdr_to_pq(np.ascontiguousarray(pixels[..., :3].transpose(2, 0, 1))).transpose(1, 2, 0)
    return out


def rendered(host, pixels=None, **values):
    """(answer, target) of a frame."""
    pixels = noise(0) if pixels is None else pixels
    host.do("set", instance="a", values=values or STATIC)
    target = blank(pixels)
    return host.render("a", Picture(pixels), target), target


def refused(host, said, **how):
    """A frame that must fail with a message that says so, and leave its target alone."""
    before = bytes(blank(noise(0)).memory)
    answer, target = rendered(host, **how)
    assert answer["status"] == FAILED
    assert said in host.said()[-1]
    assert target.untouched(before)
    return answer


def ended(pid):
    """Whether a process is gone; one that waits for its parent, which is not us, counts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def kill_at_random_moments(scene, count, seed=0):
    """Renders ``count`` frames and kills the engine once during each; judges every frame."""
    moments = random.Random(seed)
    with scene.host("a") as host:
        host.do("set", instance="a", values=SLOW)
        reference = {}
        for number in range(min(count, 3)):
            target = blank(noise(number))
            assert host.render("a", Picture(noise(number)), target)["status"] == OK
            reference[number] = target.pixels.copy()
        files = len(os.listdir(f"/proc/{host.pid}/fd"))
        for turn in range(count):
            starts = len(scene.pids())
            pixels = noise(turn % 3)
            begun = host.begin_render("a", Picture(pixels), blank(pixels))
            time.sleep(moments.uniform(0.0, 1.2))  # a frame takes 1.5 s: a kill after it would count for the next
            os.kill(scene.pids()[-1], signal.SIGKILL)
            answer = host.end_render(begun)
            assert answer["status"] == OK, host.said()
            np.testing.assert_array_equal(begun[2].pixels, reference[turn % 3])
            assert len(scene.pids()) - starts <= 1  # at most one new start a frame
            assert answer["longest_gap"] < 4.0
        assert [text for text in host.said() if not text.startswith("this frame waits")] == []
        assert len(os.listdir(f"/proc/{host.pid}/fd")) <= files + 1
        children = [file.read_text().strip() for file in Path(f"/proc/{host.pid}/task").glob("*/children")]
        assert not any(children)
    scene.hosts.remove(host)


def test_an_engine_killed_at_a_random_moment_costs_a_retry(scene):
    kill_at_random_moments(scene, 1, seed=1)


@pytest.mark.slow
def test_an_engine_killed_at_random_moments_of_5_frames(scene):
    kill_at_random_moments(scene, 5, seed=2)


@pytest.mark.soak
def test_an_engine_killed_at_random_moments_of_100_frames(scene):
    kill_at_random_moments(scene, 100)


def test_an_engine_that_dies_on_every_frame_is_given_up_after_one_new_start(scene):
    scene.engine(
        "import os, signal\n"
        "from lumaflux.service.renderer import Renderer\n"
        "Renderer.render_frame = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)"
    )
    host = scene.host("a")
    refused(host, "started anew and still failed")
    assert len(scene.pids()) == 2
    scene.engine()
    answer, target = rendered(host)
    assert answer["status"] == OK
    np.testing.assert_array_equal(target.pixels, placed(noise(0)))


def test_an_engine_that_is_asked_to_end_in_a_frame_is_started_again(scene):
    host = scene.host("a")
    rendered(host)
    host.do("set", instance="a", values=SLOW)
    begun = host.begin_render("a", Picture(noise(1)), blank(noise(1)))
    time.sleep(0.5)
    os.kill(scene.pids()[-1], signal.SIGTERM)
    assert host.end_render(begun)["status"] == OK, host.said()
    assert len(scene.pids()) == 2


@pytest.mark.parametrize("moment", ["idle", "in a frame"])
def test_an_engine_that_hangs_is_ended_and_started_again(scene, until, moment):
    host = scene.host("a", LUMAFLUX_HANG_SECONDS="2")
    rendered(host, strength=1.0)  # the model is there: no library holds Python's lock any more
    hung = scene.pids()[-1]
    if moment == "idle":
        os.kill(hung, signal.SIGSTOP)
        answer, target = rendered(host)
        np.testing.assert_array_equal(target.pixels, placed(noise(0)))
    else:
        host.do("set", instance="a", values=SLOW)
        begun = host.begin_render("a", Picture(noise(1)), blank(noise(1)))
        time.sleep(0.3)
        os.kill(hung, signal.SIGSTOP)
        answer = host.end_render(begun)
    assert answer["status"] == OK, host.said()
    assert answer["longest_gap"] < 4.0  # the host's wish to abort would have been heard
    assert len(scene.pids()) == 2
    until(lambda: ended(hung))


def test_an_engine_that_loads_may_be_silent_for_longer(scene):
    scene.engine(
        "import ctypes\n"
        "from lumaflux.service.renderer import Renderer\n"
        "def render_frame(*args, **how):\n"
        "    ctypes.PyDLL(None).sleep(4)\n"  # as the opening of a large library does, with Python's lock held
        "    Renderer.render_frame = fast\n"
        "    return fast(*args, **how)\n"
        "Renderer.render_frame = render_frame"
    )
    host = scene.host("a", LUMAFLUX_HANG_SECONDS="3")
    answer, target = rendered(host)
    assert answer["status"] == OK, host.said()
    assert answer["seconds"] > 4
    np.testing.assert_array_equal(target.pixels, placed(noise(0)))
    assert len(scene.pids()) == 1


def test_a_greeting_that_is_not_answered_can_be_aborted(scene):
    rendered(scene.host("a"))
    os.kill(scene.pids()[-1], signal.SIGSTOP)
    answer = scene.host("a").render("a", Picture(noise(0)), blank(noise(0)), abort_after=5)
    assert answer["status"] == OK
    assert answer["longest_gap"] < 0.5
    assert answer["seconds"] - answer["told"] < 0.2


FAKE = """
import os, pathlib, socket, struct, sys, msgpack
def message(**members):
    body = msgpack.packb(members)
    return struct.pack("<I", len(body)) + body
def read(connection):
    length, = struct.unpack("<I", connection.recv(4, socket.MSG_WAITALL))
    return msgpack.unpackb(connection.recv(length, socket.MSG_WAITALL))
folder = pathlib.Path(os.environ["LUMAFLUX_RUNTIME_DIR"]) / f"lumaflux-{os.geteuid()}"
listening = socket.socket(socket.AF_UNIX)
(folder / "engine.sock").unlink(missing_ok=True)
listening.bind(str(folder / "engine.sock"))
listening.listen(8)
def welcome(hello):
    return message(type="welcome", id=hello["id"], protocol=1, version=hello["version"], python="", pid=os.getpid(),
                   models=[], model_ready=True)
while True:
    connection, _ = listening.accept()
    try:
        answer(connection)
    except Exception:
        pass
    connection.close()
"""


RENDER = (
    "connection.sendall(welcome(read(connection))); job = read(connection); connection.sendall({}); read(connection)"
)
NONSENSE = [
    "read(connection); connection.sendall(b'\\xff' * 64)",
    RENDER.format("os.urandom(4096)"),
    RENDER.format("message(type='maybe', id=job['id'])"),
]
MORE_NONSENSE = [
    "pass",
    "connection.sendall(os.urandom(4096))",
    "read(connection); connection.sendall(bytes(64))",
    "read(connection); connection.sendall(message(type='welcome', id=1)[:9])",
    "read(connection); connection.sendall(struct.pack('<I', 1) + b'\\x01')",
    "read(connection); connection.sendall(message(type='error', id=1, code='bad_token', message='no'))",
    "connection.sendall(welcome(read(connection))); read(connection)",
    RENDER.format("struct.pack('<I', 1 << 20) + bytes(100)"),
    RENDER.format("struct.pack('<I', 3) + b'\\x91' * 3"),
    RENDER.format("struct.pack('<I', 900) + b'\\x81\\xa1a' * 300"),
    RENDER.format("message(type='done', id=job['id'] + 1)"),
]


@pytest.mark.parametrize("answer", [*NONSENSE, *(pytest.param(one, marks=pytest.mark.slow) for one in MORE_NONSENSE)])
def test_an_engine_that_talks_nonsense_is_a_message(scene, answer):
    script = scene.root / "fake.py"
    script.write_text(f"def answer(connection):\n    {answer}\n{FAKE}")
    scene.engine(command=f"exec {sys.executable} -P {script}")
    host = scene.host("a", LUMAFLUX_HANG_SECONDS="0.3", LUMAFLUX_START_SECONDS="20")
    answer = refused(host, "LumaFlux")
    assert answer["seconds"] < 15
    assert len(scene.pids()) <= 2
    # a sound engine in its place works at once
    scene.kill_engines()
    scene.engine()
    assert rendered(host)[0]["status"] == OK


def test_an_error_of_the_engine_is_its_sentence(scene):
    scene.engine(
        "from lumaflux.service.renderer import Renderer\n"
        "def render_frame(self, pixels, parameters, **how):\n"
        "    if parameters.settings.seed == 1: raise MemoryError\n"
        "    if parameters.settings.seed == 2: raise ValueError('a bug')\n"
        "    return fast(self, pixels, parameters, **how)\n"
        "Renderer.render_frame = render_frame"
    )
    host = scene.host("a")
    refused(host, "too little memory for a frame of 32x24", seed=1)
    refused(host, "a bug", seed=2)
    refused(host, "/no/such.track.json cannot be read", seed=0, tone_track="/no/such.track.json")
    assert rendered(host, seed=0)[0]["status"] == FAILED  # the value still stands
    assert rendered(host, tone_track="")[0]["status"] == OK
    assert len(scene.pids()) == 1


def test_an_engine_of_another_version_is_told_apart(scene):
    host = scene.host("a")
    rendered(host)
    other = scene.host("a")
    about = json.loads((scene.resources / "engine.json").read_text())
    scene.about(python=about["python"], version="99.0")
    refused(other, "made for engine 99.0")
    assert f"engine {lumaflux.__version__} " in other.said()[-1]
    assert "plugin install" in other.said()[-1]
    assert len(scene.pids()) == 1


def test_an_engine_that_cannot_start_says_why(scene):
    scene.engine(command="echo 'No module named engine' >&2; exit 1")
    host = scene.host("a")
    answer = refused(host, "could not start (No module named engine)")
    assert answer["seconds"] < 10
    scene.about(python="/no/python", version=lumaflux.__version__)
    refused(host, "/no/python")
    scene.about(version=lumaflux.__version__)
    refused(host, "names no Python")
    (scene.resources / "engine.json").write_text("{")
    refused(host, "plugin install")
    (scene.resources / "engine.json").unlink()
    refused(host, "plugin install")
    scene.engine()
    assert rendered(host)[0]["status"] == OK


def test_a_full_disk_is_named_though_the_engine_had_no_room_to_say_so(scene):
    """start.log lies on a device that is always full (null(4))."""
    scene.engine(command="echo 'No space left on device' >&2; exit 1")
    host = scene.host("a")
    (scene.directory.path / "start.log").symlink_to("/dev/full")
    refused(host, f"the disk of {scene.directory.path}, where the LumaFlux engine works, is full: free space there")


def test_an_engine_stays_between_sessions_where_the_installation_says_so(scene):
    scene.engine(command='echo "$@" >&2; exit 1')
    about = json.loads((scene.resources / "engine.json").read_text())
    host = scene.host("a")
    for resident, said in ((True, "serve --resident"), (False, "serve")):
        (scene.resources / "engine.json").write_text(json.dumps({**about, "resident": resident}))
        refused(host, f"(-P -m lumaflux.cli {said})")


def test_an_engine_that_does_not_come_up_is_ended(scene, until):
    scene.engine(command="exec sleep 600")
    host = scene.host("a", LUMAFLUX_START_SECONDS="1")
    refused(host, "did not come up in time")
    until(lambda: ended(scene.pids()[0]))


def test_a_socket_that_a_dead_engine_left_is_replaced(scene):
    host = scene.host("a")
    rendered(host)
    scene.kill_engines()
    assert scene.directory.socket.exists()
    assert rendered(host)[0]["status"] == OK
    scene.kill_engines()
    scene.directory.socket.unlink()
    scene.directory.socket.write_text("no socket")
    assert rendered(host)[0]["status"] == OK
    assert stat.S_ISSOCK(scene.directory.socket.stat().st_mode)


def test_an_engine_on_a_port_is_found_and_started_again(scene):
    """As on Windows (docs/service.md)."""
    scene.engine("from lumaflux.service import runtime\nruntime.has_file_sockets = lambda: False")
    host = scene.host("a")
    assert rendered(host)[0]["status"] == OK
    assert not scene.directory.socket.exists()
    assert runtime.read_contact(scene.directory).port > 1023
    scene.kill_engines()  # its token and port stay
    assert rendered(host)[0]["status"] == OK
    assert len(scene.pids()) == 2


def test_a_directory_that_others_can_reach_is_refused(scene):
    path = scene.directory.path
    host = scene.host("a")
    path.chmod(0o755)
    refused(host, f"does not trust {path}")
    path.rmdir()
    elsewhere = scene.root / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    path.symlink_to(elsewhere)
    refused(host, f"does not trust {path}")
    assert scene.pids() == []
    path.unlink()
    assert rendered(host)[0]["status"] == OK
    scene.directory.token.chmod(0o644)
    other = scene.host("a")
    refused(other, "does not trust")


def test_a_place_where_no_directory_can_be_is_said(scene):
    refused(scene.host("a", LUMAFLUX_RUNTIME_DIR="/nonexistent/place"), "set LUMAFLUX_RUNTIME_DIR")
    file = scene.root / "file"
    file.write_text("")
    refused(scene.host("a", LUMAFLUX_RUNTIME_DIR=str(file)), "set LUMAFLUX_RUNTIME_DIR")
    deep = scene.root / ("d" * 90)
    deep.mkdir()
    refused(scene.host("a", LUMAFLUX_RUNTIME_DIR=str(deep)), "too long for a socket")


def test_shared_memory_that_does_not_suffice_is_said(scene):
    host = scene.host("a")
    side = 200_000  # 640 GB a frame
    huge = {"bounds": [0, 0, side, side], "row_bytes": 16 * side}
    target = blank(noise(0))
    assert host.render("a", Picture(noise(0), **huge), target)["status"] == FAILED
    assert "free or enlarge /dev/shm" in host.said()[-1]
    assert rendered(host)[0]["status"] == OK


def test_the_engine_does_not_see_what_a_host_sets_for_its_own_python(scene):
    seen = scene.root / "environment"
    scene.engine(command=f"env > {seen}; exec {sys.executable} -P {scene.root / 'worker.py'}")
    host = scene.host("a", PYTHONHOME="/nonsense", PYTHONPATH="/nonsense", LD_LIBRARY_PATH="/nonsense", KEPT="1")
    assert rendered(host)[0]["status"] == OK, host.said()
    names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
    assert "KEPT" in names
    assert not [name for name in names if name.startswith(("PYTHON", "LD_"))]


def test_a_host_that_ignores_its_children_starts_an_engine_all_the_same(scene):
    wrapper = scene.root / "host"
    wrapper.write_text(f"#!/bin/sh\ntrap '' CHLD PIPE HUP\nexec {scene.built.host}\n")
    wrapper.chmod(0o755)
    host = HostProcess(wrapper, scene.environment)
    scene.hosts.append(host)
    host.open(scene.bundle, "a").do("set", instance="a", values={"model": 1})
    assert rendered(host)[0]["status"] == OK, host.said()
    scene.kill_engines()
    assert rendered(host)[0]["status"] == OK, host.said()


def test_an_installed_bundle_starts_the_engine_that_it_names(scene):
    scene.about(python=sys.executable, version=lumaflux.__version__)
    host = scene.host("a")
    try:
        answer, target = rendered(host, model=0, **STATIC)
        assert answer["status"] == OK, host.said()
        np.testing.assert_array_equal(target.pixels, placed(noise(0)))
        assert runtime.answers(scene.directory)
    finally:
        os.kill(runtime.running_pid(scene.directory), signal.SIGKILL)


@pytest.mark.slow
def test_a_frame_of_8k(scene):
    pixels = np.zeros((4320, 7680, 4), np.float32)
    pixels[..., 0] = np.linspace(0, 1, 7680, dtype=np.float32)
    pixels[..., 3] = np.linspace(0, 1, 4320, dtype=np.float32)[:, None]
    host = scene.host("a")
    answer, target = rendered(host, pixels)
    assert answer["status"] == OK, host.said()
    strip = (slice(2000, 2010), slice(None))
    np.testing.assert_array_equal(target.pixels[strip], placed(pixels[strip]))
    np.testing.assert_array_equal(target.pixels[..., 3], pixels[..., 3])
