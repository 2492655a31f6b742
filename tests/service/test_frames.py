import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from lumaflux.service import shared_objects
from lumaflux.service.frames import DTYPES, FrameMemoryError, OwnFrames, SharedFrames
from lumaflux.service.machine import process_lives
from lumaflux.service.protocol import Render
from lumaflux.service.shared_objects import SHARED_MEMORY, FrameRefusedError, remove_left_by

WIDTH, HEIGHT = 5, 7


@pytest.fixture
def shared():
    """A client's object with room for padded rows, and the request that describes it."""
    name = f"/lumaflux-{os.getpid()}-test"
    path = SHARED_MEMORY / name[1:]
    path.write_bytes(bytes(range(256)) * 40)
    path.chmod(0o600)
    yield path, name
    path.unlink(missing_ok=True)


def request(name, **changes):
    members = {
        "type": "render",
        "id": 1,
        "shm": name,
        "shm_size": 10240,
        "width": WIDTH,
        "height": HEIGHT,
        "components": 4,
        "depth": "half",
        "src_offset": 8,
        "src_row_bytes": 48,
        "dst_offset": 4096,
        "dst_row_bytes": 56,
        "premultiplied": False,
        "priority": "final",
        "params": {},
    }
    return Render(**{**members, **changes})


@pytest.mark.parametrize(("depth", "dtype"), DTYPES.items())
def test_rows_are_read_and_written_where_the_request_says(shared, depth, dtype):
    path, name = shared
    asked = request(name, depth=depth, src_row_bytes=96, dst_row_bytes=88)
    before = path.read_bytes()
    with SharedFrames(asked) as opened:
        pixels = opened.read()
        opened.write(pixels[::-1])
    after = path.read_bytes()
    assert pixels.shape == (HEIGHT, WIDTH, 4)
    assert pixels.dtype == dtype
    expected = bytearray(before)
    for y in range(HEIGHT):
        row = before[8 + 96 * y : 8 + 96 * y + asked.row]
        assert pixels[y].tobytes() == row
        start = 4096 + 88 * (HEIGHT - 1 - y)
        expected[start : start + asked.row] = row
    assert after == bytes(expected)  # offsets before, gaps between and bytes behind the rows are as they were


def test_what_is_missing_small_open_to_others_or_a_link_is_refused(shared):
    path, name = shared
    with pytest.raises(FrameRefusedError, match="cannot be opened"):
        SharedFrames(request("/lumaflux-1-not-there"))
    with pytest.raises(FrameRefusedError, match="has 10240 bytes, the request says 10241"):
        SharedFrames(request(name, shm_size=10241))
    path.chmod(0o640)
    with pytest.raises(FrameRefusedError, match="other users"):
        SharedFrames(request(name))
    path.chmod(0o600)
    link = path.with_name(path.name + "-link")
    link.symlink_to(path)
    try:
        with pytest.raises(FrameRefusedError, match="cannot be opened"):
            SharedFrames(request("/" + link.name))
    finally:
        link.unlink()


def test_an_object_of_another_user_is_refused(shared, monkeypatch):
    monkeypatch.setattr(shared_objects.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(FrameRefusedError, match="another user"):
        SharedFrames(request(shared[1]))


def test_a_refused_object_is_not_left_open(shared):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(FrameRefusedError):
            SharedFrames(request(shared[1], shm_size=10241))
    assert len(os.listdir("/proc/self/fd")) == before


def test_truncation_after_opening_is_an_error_and_no_signal(shared):
    path, name = shared
    with SharedFrames(request(name)) as opened:
        os.truncate(path, 100)
        with pytest.raises(FrameRefusedError, match="cut short"):
            opened.read()


def test_a_full_shared_memory_is_named(shared, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with SharedFrames(request(shared[1])) as opened:
        pixels = opened.read()
        monkeypatch.setattr(shared_objects.os, "pwrite", full)
        with pytest.raises(FrameMemoryError, match=r"no room in /dev/shm for a frame of 5x7; free or enlarge"):
            opened.write(pixels)


def test_a_client_without_room_says_so_and_leaves_nothing(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shared_objects.os, "posix_fallocate", full)
    with pytest.raises(FrameMemoryError, match="free or enlarge"):
        OwnFrames(np.zeros((4, 4, 4), np.float32))
    assert not list(SHARED_MEMORY.glob(f"lumaflux-{os.getpid()}-*"))


def test_a_client_s_object_is_private_and_ends_with_its_block():
    source = np.random.default_rng(1).random((6, 9, 3), dtype=np.float32)
    with OwnFrames(source) as own:
        path = SHARED_MEMORY / own.name[1:]
        assert path.stat().st_mode & 0o777 == 0o600
        rest = {"type": "render", "id": 1, "premultiplied": False, "priority": "final", "params": {}}
        with SharedFrames(Render.model_validate({**rest, **own.request()})) as opened:
            np.testing.assert_array_equal(opened.read(), source)
            opened.write(source + 1)
        np.testing.assert_array_equal(own.result(), source + 1)
    assert not path.exists()


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.float32), np.zeros((4, 4, 4))])
def test_other_arrays_are_refused(bad):
    with pytest.raises(ValueError, match="a frame must be"):
        OwnFrames(bad)


def test_only_what_the_dead_left_is_removed(shared):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    left = SHARED_MEMORY / f"lumaflux-{child.pid}-left"
    left.write_bytes(b"x")
    assert process_lives(child.pid)
    assert remove_left_by(child.pid) == 0
    child.kill()
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet waited for
    assert not process_lives(child.pid)
    assert remove_left_by(child.pid) == 1
    child.wait()
    assert not left.exists()
    assert shared[0].exists()


def test_names_of_shared_memory_are_short_enough_for_macos():
    with OwnFrames(np.zeros((2, 2, 4), np.float32)) as frames:
        beside_the_number = len(frames.name) - len(str(os.getpid()))
    assert beside_the_number + len(str(2**31 - 1)) <= 31  # PSHMNAMLEN of sys/posix_shm.h
