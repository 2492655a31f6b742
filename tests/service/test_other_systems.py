"""The worker on Windows and macOS as far as Linux can show it: by a port, by mapped objects, by their peers' facts.

Nothing was executed on those systems; docs/service.md says so. tests/systems starts it without their modules' names.
"""

import asyncio
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.service import runtime, shared_objects
from lumaflux.service.client import Client, EngineError, EngineGoneError
from lumaflux.service.frames import FrameMemoryError, OwnFrames
from lumaflux.service.shared_objects import FrameRefusedError, make_object, open_object, remove_left_by, remove_object

_NOWHERE = Path("/no/shared/memory")
_MACOS = f"""
from pathlib import Path
from lumaflux.service import shared_objects
shared_objects.SHARED_MEMORY = Path({str(_NOWHERE)!r})
"""
_WINDOWS = """
from multiprocessing import resource_tracker
from lumaflux.service import runtime, shared_objects
runtime.has_file_sockets = lambda: False
shared_objects._posix_shm = lambda: None
resource_tracker.register = lambda *_: None  # Windows has no such process
"""


@pytest.fixture
def macos(monkeypatch):
    monkeypatch.setattr(shared_objects, "SHARED_MEMORY", _NOWHERE)
    return _MACOS


@pytest.fixture
def windows(monkeypatch):
    monkeypatch.setattr(runtime, "has_file_sockets", lambda: False)
    monkeypatch.setattr(shared_objects, "_posix_shm", lambda: None)
    monkeypatch.setattr(resource_tracker, "register", lambda *_: None)
    return _WINDOWS


@pytest.fixture(params=["macos", "windows"])
def system(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def name():
    """Of an object that is removed after the test, whatever system it played."""
    made = f"/lumaflux-{os.getpid()}-{secrets.token_hex(4)}"
    yield made
    Path("/dev/shm", made[1:]).unlink(missing_ok=True)


def test_an_object_holds_what_is_written(system, name):
    ours = make_object(name, 10_000)
    theirs = open_object(name, 10_000)
    source, found = np.arange(3000, dtype=np.uint8), np.zeros(3000, np.uint8)
    ours.write(source.data, 5000)
    theirs.read(found.data, 5000)
    np.testing.assert_array_equal(found, source)
    with pytest.raises(OSError, match="exists"):
        make_object(name, 10_000)
    with pytest.raises(FrameRefusedError, match=r"has .* bytes, the request says 1000000"):
        open_object(name, 1_000_000)
    theirs.close()
    ours.close()
    remove_object(name)
    with pytest.raises(FrameRefusedError, match="cannot be opened"):
        open_object(name[:-1] + "x", 1)


def test_an_object_of_others_is_refused_on_macos(macos, name, monkeypatch):
    make_object(name, 100).close()
    os.chmod(Path("/dev/shm", name[1:]), 0o640)
    with pytest.raises(FrameRefusedError, match="other users"):
        open_object(name, 100)
    monkeypatch.setattr(shared_objects.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(FrameRefusedError, match="another user"):
        open_object(name, 100)


def test_no_room_is_named_without_a_folder(macos, monkeypatch):
    def full(*_):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(shared_objects.os, "ftruncate", full)
    with pytest.raises(FrameMemoryError, match="no shared memory for a frame of 4x4; close other programs"):
        OwnFrames(np.zeros((4, 4, 4), np.float32))


def test_what_the_dead_were_seen_to_use_is_removed_on_macos(macos, name):
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    left = f"/lumaflux-{child.pid}-{secrets.token_hex(4)}"
    for made in (left, name):
        make_object(made, 100).close()
    assert remove_left_by(os.getpid(), [left, name]) == 0
    assert remove_left_by(child.pid, [left, name]) == 1  # `name` is another's
    open_object(name, 100).close()
    with pytest.raises(FrameRefusedError, match="cannot be opened"):
        open_object(left, 100)


def test_a_worker_renders(system, start, directory, frame):
    start(patch=system)
    with Client(directory) as client:
        params = {"model": "tiny", "strength": 0.0, "output_space": "linear-bt2020"}
        pixels = client.render(frame, params).pixels
        assert pixels is not None
        np.testing.assert_array_equal(pixels[..., 3], frame[..., 3])
        # BT.1886 of a zero black: L = V^2.4, 1.0 the reference white; luminance is that of BT.709's primaries.
        light, sdr = pixels[..., :3] @ [0.2627, 0.6780, 0.0593], frame[..., :3] ** 2.4 @ [0.2126, 0.7152, 0.0722]
        np.testing.assert_allclose(light, sdr, atol=2e-4)
        with pytest.raises(EngineError, match="cannot be opened"):
            client.wait(client.send(_request("/lumaflux-1-missing")))


def _request(name):
    where = {"shm": name, "shm_size": 512, "width": 4, "height": 4, "components": 4, "depth": "float"}
    rows = {"src_offset": 0, "src_row_bytes": 64, "dst_offset": 256, "dst_row_bytes": 64}
    return {"type": "render", **where, **rows, "premultiplied": False, "priority": "final", "params": {"model": "tiny"}}


def test_a_port_is_of_the_loopback_device_and_asks_for_the_token(windows, start, directory, until):
    process = start(patch=windows)
    contact = runtime.read_contact(directory)
    assert len(bytes.fromhex(contact.proof)) == 32
    assert contact.proof != contact.token
    assert not directory.socket.exists()
    with pytest.raises(EngineError, match="token"):
        Client(directory, token=contact.proof)
    with socket.socket() as elsewhere:
        elsewhere.settimeout(0.5)
        assert elsewhere.connect_ex(("127.0.0.2", contact.port)) != 0
    directory.token.unlink()  # as the socket's file elsewhere
    until(lambda: process.poll() is not None, 10)


_NO_HANDLERS_IN_LOOPS = """
import asyncio
asyncio.SelectorEventLoop.add_signal_handler = asyncio.AbstractEventLoop.add_signal_handler
"""


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_where_event_loops_take_none(windows, start, directory, until, sent):
    """As on Windows, whose loops inherit the method that raises NotImplementedError."""
    with pytest.raises(NotImplementedError):
        asyncio.AbstractEventLoop().add_signal_handler(sent, print)
    process = start(patch=windows + _NO_HANDLERS_IN_LOOPS)
    with Client(directory):
        os.kill(process.pid, sent)
    until(lambda: process.poll() is not None, 20)
    assert process.poll() == 0
    assert {path.name for path in directory.path.iterdir()} == {"engine.lock", "engine.log"}
    log = directory.log.read_text()
    assert "asked to end" in log
    assert "engine leaves" in log


def test_another_program_on_the_port_is_not_taken_for_the_worker(windows, directory):
    with socket.create_server(("127.0.0.1", 0)) as other:
        runtime.new_contact(directory, other.getsockname()[1])
        assert not runtime.answers(directory)  # no worker has the claim
        with pytest.raises(EngineGoneError, match=r"no engine answers on .*engine\.token"):
            Client(directory)
        claim = runtime.claim(directory)
        assert claim is not None
        assert runtime.answers(directory)
        os.close(claim)
    contact = runtime.read_contact(directory)
    assert runtime.proves({"proof": contact.proof}, contact)
    assert not runtime.proves({"proof": contact.token}, contact)
    assert not runtime.proves({}, contact)


def test_a_folder_of_the_user_s_own_on_windows(windows, root, monkeypatch):
    monkeypatch.delenv("LUMAFLUX_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("LOCALAPPDATA", str(root))
    assert runtime.runtime_root() == root
    monkeypatch.delenv("LOCALAPPDATA")
    with pytest.raises(UserError, match="set LUMAFLUX_RUNTIME_DIR"):
        runtime.runtime_root()


def test_macos_takes_a_path_of_103_bytes(root, monkeypatch):
    beside = len(f"/lumaflux-{os.geteuid()}/engine.sock")
    long = root / ("x" * (104 - beside - len(str(root)) - 1))
    long.mkdir()
    assert len(str(runtime.open_runtime_directory(long).socket)) == 104
    monkeypatch.setattr(runtime.sys, "platform", "darwin")
    with pytest.raises(UserError, match="too long"):
        runtime.open_runtime_directory(long)


def test_macos_says_the_peer_in_its_own_way(monkeypatch):
    class Darwin(socket.socket):
        def getsockopt(self, level, option, size=0):  # type: ignore[override]
            assert level == 0  # SOL_LOCAL
            if option == 2:  # LOCAL_PEERPID
                return 4711
            assert (option, size) == (1, 76)  # LOCAL_PEERCRED, sizeof(struct xucred)
            return struct.pack("=IIhxx16I", 0, 501, 1, 20, *[0] * 15)

    monkeypatch.delattr(socket, "SO_PEERCRED")
    with Darwin(socket.AF_UNIX) as darwin:
        assert runtime.peer(darwin) == (4711, 501)
    with socket.socket() as port:
        assert runtime.peer(port) == (0, None)
    assert runtime.trusted(None)
