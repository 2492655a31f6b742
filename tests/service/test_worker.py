"""A real worker process: what clients get, side by side, cancelled, refused, killed."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import lumaflux
from lumaflux.service import runtime
from lumaflux.service.client import Client, EngineError, EngineGoneError
from lumaflux.service.frames import OwnFrames
from lumaflux.service.shared_objects import SHARED_MEMORY
from lumaflux.settings import Settings

CODE = 1 / 65535
SLOW = {"model": "tiny", "steps": 100}  # see conftest.SLOW_STEPS


def slow_frame(seed=0):
    return np.random.default_rng(seed).random((40, 40, 4), dtype=np.float32)


def shared_memory_of(pid):
    """What a process has mapped or open of LumaFlux' shared memory."""
    held = [line for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if "lumaflux-" in line]
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue
        if target.startswith("/dev/shm/lumaflux-"):
            held.append(target)
    return held


def test_pixels_are_those_of_the_python_api(client, frame):
    rendered = client.render(frame, {"model": "tiny", "strength": 0.8})
    sdr = np.ascontiguousarray(frame[..., :3].transpose(2, 0, 1))
    expected = lumaflux.load("tiny", device="cpu").render(sdr, Settings(strength=0.8))
    np.testing.assert_allclose(rendered.pixels[..., :3].transpose(2, 0, 1), expected, rtol=0, atol=CODE)
    np.testing.assert_array_equal(rendered.pixels[..., 3], frame[..., 3])
    assert not rendered.cached


def test_a_hit_is_bit_equal(client, frame):
    first = client.render(frame, {"model": "tiny", "seed": 11})
    again = client.render(frame, {"model": "tiny", "seed": 11})
    assert (first.cached, again.cached) == (False, True)
    np.testing.assert_array_equal(again.pixels, first.pixels)


def test_the_welcome_says_who_answers(client, worker):
    directory, process = worker
    welcome = client.welcome
    assert welcome["version"] == lumaflux.__version__
    assert welcome["pid"] == process.pid == runtime.running_pid(directory)
    assert os.path.samefile(welcome["python"], sys.executable)
    assert welcome["models"] == ["tiny", "lite"]


def test_two_clients_at_once_get_their_own_frames(worker):
    with Client(worker[0]) as one, Client(worker[0]) as other:
        frames = [slow_frame(seed) for seed in (1, 2)]
        ids = [client.submit(f, {"model": "tiny"}) for client, f in zip((one, other), frames, strict=True)]
        assert ids[0] == ids[1]  # ids are a connection's own
        results = [client.result(i).pixels for client, i in zip((one, other), ids, strict=True)]
        for client, f, result in zip((other, one), frames, results, strict=True):
            np.testing.assert_array_equal(client.render(f, {"model": "tiny"}).pixels, result)
        assert not np.array_equal(*results)


def test_what_a_person_waits_for_comes_first(client, frame, until):
    first = client.submit(slow_frame(3), SLOW)
    until(lambda: client.ping()["busy"])
    waiting = {
        client.submit(frame, {"model": "tiny", "seed": seed}, priority=priority): priority
        for seed, priority in enumerate(("thumbnail", "final", "interactive"))
    }
    ids = {first: "running", **waiting}
    until(lambda: client._receive(1.0) and ids.keys() <= client._answers.keys())
    assert [ids[answered] for answered in client._answers] == ["running", "interactive", "final", "thumbnail"]
    for request_id in ids:
        assert client.result(request_id).pixels is not None


def test_pings_are_answered_while_a_frame_renders(client, until):
    request = client.submit(slow_frame(4), SLOW)
    until(lambda: client.ping()["busy"])
    waits = []
    while client.ping()["busy"] and len(waits) < 20:
        start = time.monotonic()
        state = client.ping()
        waits.append(time.monotonic() - start)
    assert len(waits) >= 3
    assert max(waits) < 2
    assert state["rss_mb"] > 50
    assert client.result(request).pixels is not None


def test_running_and_waiting_renders_are_cancelled(client, frame, until):
    running, waiting = (
        client.submit(slow_frame(5), {**SLOW, "seed": 5}),
        client.submit(frame, {"model": "tiny", "seed": 6}),
    )
    until(lambda: client.ping()["busy"])
    start = time.monotonic()
    client.cancel(waiting)
    client.cancel(running)
    assert client.result(waiting).pixels is None
    assert client.result(running).pixels is None
    assert time.monotonic() - start < 1.0
    client.cancel(running)  # done: nothing to cancel
    assert not client.render(frame, {"model": "tiny", "seed": 6}).cached


def test_a_render_with_an_id_that_is_under_way_is_refused(client, frame):
    first = client.submit(slow_frame(7), SLOW)
    client._last_id -= 1
    with OwnFrames(frame) as own:
        request = {"type": "render", "premultiplied": False, "priority": "final", "params": {}, **own.request()}
        again = client.send(request)
        with pytest.raises(EngineError, match="under way") as refused:
            client.wait(again)
    assert refused.value.code == "bad_request"
    assert client.result(first).pixels is not None


@pytest.mark.parametrize(
    ("params", "code", "said"),
    [
        ({"strength": 2.0}, "bad_request", "strength is 2"),
        ({"colour": 1}, "bad_request", "unknown parameter 'colour'"),
        ({"model": "no-such-model"}, "model", "unknown model"),
        ({"model": "flux-dev"}, "model", "needs an adapter file"),
    ],
)
def test_what_a_user_can_mend_is_said(client, frame, params, code, said):
    with pytest.raises(EngineError, match=said) as refused:
        client.render(frame, params)
    assert refused.value.code == code
    assert client.ping()["queue"] == 0


def test_shared_memory_that_is_not_there_is_refused(client, frame):
    with OwnFrames(frame) as own:
        gone = {**own.request(), "shm": "/lumaflux-1-not-there"}
    request = {"type": "render", "premultiplied": False, "priority": "final", "params": {"model": "tiny"}, **gone}
    with pytest.raises(EngineError, match="cannot be opened") as refused:
        client.wait(client.send(request))
    assert refused.value.code == "bad_request"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"token": "0" * 64}, "bad_token"),
        ({"token": ""}, "bad_token"),
        ({"version": "0.0.1"}, "version"),
        ({"protocol": 2}, "version"),
    ],
)
def test_handshakes_that_fail(worker, how, code):
    with pytest.raises(EngineError) as refused:
        Client(worker[0], **how)
    assert refused.value.code == code
    assert code != "version" or "lumaflux plugin install" in str(refused.value)
    with Client(worker[0], version=lumaflux.__version__) as sound:
        assert sound.ping()["type"] == "pong"


def test_nothing_is_answered_before_hello(worker):
    from lumaflux.service.protocol import HEADER, pack, unpack

    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(60)
        raw.connect(str(worker[0].socket))
        raw.sendall(pack({"type": "ping", "id": 9}))
        answer = b""
        while data := raw.recv(4096):
            answer += data
    assert unpack(answer[HEADER.size :])["code"] == "bad_request"  # and the connection was closed


def test_killed_clients_leave_nothing_behind(worker, until):
    directory, process = worker
    script = (
        "import sys, pathlib, numpy as np\n"
        "from lumaflux.service import runtime\n"
        "from lumaflux.service.client import Client\n"
        "c = Client(runtime.open_runtime_directory(pathlib.Path(sys.argv[1])))\n"
        "for seed in range(3): c.submit(np.full((160, 160, 4), seed / 3, np.float32), "
        "{'model': 'tiny', 'steps': 100, 'detail': 0.0})\n"
        "print('sent', flush=True); input()"
    )
    with Client(directory) as watching:
        for _ in range(2):
            child = subprocess.Popen(
                [sys.executable, "-c", script, str(directory.path.parent)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert child.stdout.readline() == "sent\n"
            until(lambda: watching.ping()["busy"])
            theirs = f"lumaflux-{child.pid}-*"
            assert list(SHARED_MEMORY.glob(theirs))
            child.send_signal(signal.SIGKILL)
            child.communicate()
            until(lambda theirs=theirs: not list(SHARED_MEMORY.glob(theirs)))
            until(lambda: watching.ping()["queue"] == 0 and not watching.ping()["busy"])
            assert shared_memory_of(process.pid) == []


def test_connections_and_memory_do_not_grow(worker, frame):
    directory, process = worker
    descriptors = None
    for round_ in range(30):
        with Client(directory) as client:
            client.render(frame, {"model": "tiny", "strength": 0.0})
        if round_ == 9:
            time.sleep(1.0)
            descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
    time.sleep(1.0)
    assert len(os.listdir(f"/proc/{process.pid}/fd")) <= descriptors
    assert shared_memory_of(process.pid) == []


def test_a_second_worker_leaves_the_first_alone(worker):
    from lumaflux.service.client import start_worker

    directory, process = worker
    second = start_worker(directory, sys.executable, "--model", "tiny")
    assert second.wait(120) == 0
    assert "runs already" in (directory.path / "start.log").read_text()
    with Client(directory) as client:
        assert client.welcome["pid"] == process.pid


def test_everything_in_the_directory_is_private(worker):
    for path in worker[0].path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_a_stale_socket_and_a_stale_token_are_replaced(start, directory):
    first = start()
    first.kill()
    first.wait()
    assert directory.socket.exists()
    old = directory.token.read_text()
    start()
    assert directory.token.read_text() != old
    with Client(directory) as client:
        assert client.ping()["type"] == "pong"


def test_a_worker_that_nobody_uses_leaves(start, directory):
    process = start("--no-warm", "--idle", "1")
    assert process.wait(60) == 0
    assert sorted(path.name for path in directory.path.iterdir()) == ["engine.lock", "engine.log", "start.log"]
    assert "nothing to do any more" in directory.log.read_text()


def test_shutdown_waits_for_the_frame_under_way_and_takes_no_more(start, directory, frame, until):
    process = start(patch="")
    with Client(directory) as client, Client(directory) as other:
        request = client.submit(slow_frame(8), SLOW)
        until(lambda: client.ping()["busy"])
        other.shutdown()
        with pytest.raises(EngineError) as refused:
            other.render(frame, {"model": "tiny"})
        assert refused.value.code == "shutting_down"
        assert client.result(request).pixels is not None
        assert process.wait(60) == 0


def test_sigterm_ends_renders_and_leaves_cleanly(start, directory, frame, until):
    process = start(patch="")
    with Client(directory) as client:
        client.warm("tiny")
        until(lambda: not client.ping()["busy"])
        running, waiting = client.submit(slow_frame(9), SLOW), client.submit(frame, {"model": "tiny"})
        until(lambda: (now := client.ping())["busy"] and now["queue"] == 1)
        process.terminate()
        assert process.wait(60) == 0
        assert client.result(running).pixels is None
        with pytest.raises(EngineError, match="shutting down"):
            client.result(waiting)
    assert sorted(path.name for path in directory.path.iterdir()) == ["engine.lock", "engine.log"]


def test_a_worker_whose_socket_was_deleted_makes_room(start, directory, until):
    first = start()
    directory.socket.unlink()
    assert first.wait(60) == 0
    start()
    with Client(directory) as client:
        assert client.welcome["pid"] != first.pid


def test_another_user_s_process_is_refused(start, directory):
    start(patch="from lumaflux.service import runtime\nruntime.trusted = lambda uid: False")
    with pytest.raises(EngineGoneError):
        Client(directory)
    assert "refused process" in directory.log.read_text()


def test_a_full_shared_memory_and_a_bug_are_errors_of_one_frame(start, directory, frame):
    start(
        patch="""
import errno
from lumaflux.service import frames, renderer
real, write = renderer.Renderer.render_frame, frames.SharedFrames._write_all
def full(self, view, offset):
    if self.request.frame == 1:
        raise OSError(errno.ENOSPC, "No space left on device")
    write(self, view, offset)
def broken(self, pixels, parameters, **how):
    if parameters.settings.seed == 2:
        raise ValueError("a bug")
    if parameters.settings.seed == 3:
        raise MemoryError
    return real(self, pixels, parameters, **how)
frames.SharedFrames._write_all, renderer.Renderer.render_frame = full, broken
"""
    )
    with Client(directory) as client:
        params = {"model": "tiny", "strength": 0.0}
        for how, seed, code, said in [
            ({"frame": 1}, 0, "memory", "free or enlarge"),
            ({}, 2, "engine", "a bug"),
            ({}, 3, "memory", "too little memory for a frame of 48x36"),
        ]:
            with pytest.raises(EngineError, match=said) as failed:
                client.render(frame, {**params, "seed": seed}, **how)
            assert failed.value.code == code
            assert client.render(frame, params).pixels is not None
    assert "ValueError: a bug" in directory.log.read_text()


def test_a_queue_that_is_full_says_busy(start, directory, frame, until):
    start(patch="from lumaflux.service import server, queue\nserver.JobQueue = lambda: queue.JobQueue(2)")
    with Client(directory) as client:
        client.warm("tiny")
        until(lambda: not client.ping()["busy"])
        ids = [client.submit(slow_frame(10), SLOW)]
        until(lambda: client.ping()["busy"] and not client.ping()["queue"])
        ids += [client.submit(frame, {"model": "tiny"}) for _ in range(3)]
        with pytest.raises(EngineError) as refused:
            client.result(ids[3])
        assert refused.value.code == "busy"
        for request in ids[:3]:
            assert client.result(request).pixels is not None


def test_the_log_rotates(directory, monkeypatch):
    from lumaflux.service import serve

    monkeypatch.setattr(serve, "_LOG_BYTES", 2000)
    handler = serve._log_to(directory)
    try:
        for number in range(200):
            serve.logging.getLogger("lumaflux.service.server").info("line %d", number)
    finally:
        handler.close()
        serve.logging.getLogger("lumaflux.service").removeHandler(handler)
    assert sorted(path.name for path in directory.path.iterdir()) == ["engine.log", "engine.log.1", "engine.log.2"]
    assert all(path.stat().st_size <= 2000 for path in directory.path.iterdir())
    assert "line 199" in directory.log.read_text()
