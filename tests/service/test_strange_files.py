"""What a client may name in its parameters: pipes, devices, sockets, directories, endless and growing files. The
worker says a sentence, stays small and goes on."""

import os
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.inference.tone_track import read_track
from lumaflux.model.config import read_config
from lumaflux.model.regular_file import read_regular
from lumaflux.service import client as client_module
from lumaflux.service.client import Client, EngineError, EngineGoneError
from lumaflux.service.frames import OwnFrames
from lumaflux.service.protocol import pack
from lumaflux.service.shared_objects import SHARED_MEMORY


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """The first use of a model imports torch, which holds the interpreter for seconds on a machine that is busy."""
    monkeypatch.setattr(client_module, "HANG_S", 60.0)


@pytest.fixture
def fifo(root):
    os.mkfifo(root / "fifo")
    return root / "fifo"


@pytest.fixture
def strange(root, fifo):
    """name -> path of what is no file."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(root / "socket"))
    (root / "linked").symlink_to(fifo)
    (root / "folder").mkdir()
    yield {
        "a named pipe": fifo,
        "a socket": root / "socket",
        "a device": Path("/dev/zero"),
        "a directory": root / "folder",
        "a named pipe ": root / "linked",
    }
    listening.close()


@pytest.mark.parametrize("read", [read_track, read_config, lambda path: read_regular(path, 100)])
def test_readers_refuse_at_once_what_is_no_file(strange, read):
    begun = time.monotonic()
    for what, path in strange.items():
        with pytest.raises(UserError, match=f"{what.strip()} and not a file"):
            read(path)
    assert time.monotonic() - begun < 2


def test_no_more_is_read_than_is_allowed(tmp_path):
    exact = tmp_path / "exact"
    exact.write_bytes(b"x" * (3 << 20))
    assert len(read_regular(exact, 3 << 20)) == 3 << 20
    with pytest.raises(UserError, match="more than 1 MiB"):
        read_regular(exact, 1 << 20)
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UserError, match="more than 2 MiB"):
        read_regular(sparse, 2 << 20)


def test_a_file_that_grows_while_it_is_read_is_bounded(tmp_path, monkeypatch):
    """Its size is asked once and says little: another appends after every read."""
    growing = tmp_path / "growing"
    growing.write_bytes(b"x" * (1 << 20))
    whole = os.fdopen

    def growing_file(descriptor, mode):
        file = whole(descriptor, mode, buffering=0)

        class File:
            def __enter__(self):
                return self

            def __exit__(self, *raised):
                file.close()

            def read(self, size):
                with growing.open("ab") as more:
                    more.write(b"x" * size)
                return file.read(size)

        return File()

    monkeypatch.setattr("lumaflux.model.regular_file.os.fdopen", growing_file)
    with pytest.raises(UserError, match="more than 4 MiB"):
        read_regular(growing, 4 << 20)
    assert growing.stat().st_size < 8 << 20


def test_the_worker_refuses_them_and_goes_on(client, frame, strange):
    before = client.ping()["rss_mb"]
    for path in strange.values():
        for params in ({"tone_track": str(path)}, {"model": str(path)}):
            with pytest.raises(EngineError) as refused:
                client.render(frame, {"model": "tiny", **params})
            assert str(path) in str(refused.value)
        if path.is_dir():
            continue
        with pytest.raises(EngineError, match="and not a file"):
            client.analyze({"model": "tiny", "source_file": str(path)})
    assert client.ping()["rss_mb"] - before < 600
    assert client.render(frame, {"model": "tiny", "strength": 0.0}).pixels is not None


def test_a_pipe_among_the_files_of_a_model_or_a_sequence(client, frame, root):
    (root / "model").mkdir()
    os.mkfifo(root / "model" / "config.json")
    os.mkfifo(root / "shot.0001.png")
    with pytest.raises(EngineError, match="named pipe"):
        client.render(frame, {"model": str(root / "model")})
    with pytest.raises(EngineError, match="named pipe"):
        client.analyze({"model": "tiny", "source_file": str(root / "shot.%04d.png")})


def test_the_root_directory_is_no_model_and_is_not_searched(client, frame):
    begun = time.monotonic()
    with pytest.raises(EngineError, match="not a model directory"):
        client.render(frame, {"model": "/"})
    assert time.monotonic() - begun < 10


def test_a_frame_larger_than_memory_is_refused_before_it_is_read(frame, monkeypatch):
    from lumaflux.service.frames import SharedFrames
    from lumaflux.service.protocol import Render

    with OwnFrames(frame) as own:
        members: dict[str, Any] = {"type": "render", "id": 1, "premultiplied": False, "priority": "final", "params": {}}
        request = Render(**{**members, **own.request()})
        with SharedFrames(request) as opened:
            assert opened.read().shape == frame.shape
            monkeypatch.setattr("lumaflux.service.frames.available_bytes", lambda: frame.nbytes)
            with pytest.raises(MemoryError):
                opened.read()


def test_memory_that_nobody_filled_is_not_taken_for_a_frame(client):
    """A sparse object of 64 GiB is nothing on the disk, and would be everything in memory."""
    name = f"/lumaflux-{os.getpid()}-sparse"
    path = SHARED_MEMORY / name[1:]
    path.touch(mode=0o600)
    try:
        os.truncate(path, 1 << 36)
        side = 1 << 15
        request = {
            "type": "render", "shm": name, "shm_size": 1 << 36, "width": side, "height": side, "components": 4,
            "depth": "float", "src_offset": 0, "src_row_bytes": 16 * side, "dst_offset": 1 << 35,
            "dst_row_bytes": 16 * side, "premultiplied": False, "priority": "final", "params": {"model": "tiny"},
        }  # fmt: skip
        assert pack({**request, "id": 1})
        with pytest.raises(EngineError, match="too little memory for a frame of 32768x32768"):
            client.wait(client.send(request))
    finally:
        path.unlink()


_STUCK = """
import threading
from lumaflux.service import server, session
session._CANCEL_S, server._HANGS_S = 0.2, 3.0
swift = renderer.Renderer.render_frame
def render_frame(self, pixels, parameters, **how):
    if parameters.settings.seed == 13:
        threading.Event().wait()  # for ever, and never asks whether it is cancelled
    return swift(self, pixels, parameters, **how)
renderer.Renderer.render_frame = render_frame
"""


def test_a_render_that_hangs_is_cancelled_and_the_worker_makes_room(start, directory, frame, until):
    process = start(patch=_STUCK)
    with Client(directory) as client, Client(directory) as other:
        stuck = client.submit(frame, {"model": "tiny", "seed": 13, "strength": 0.0})
        until(lambda: client.ping()["busy"])
        waiting = other.submit(frame, {"model": "tiny", "strength": 0.0})
        begun = time.monotonic()
        client.cancel(stuck)
        assert client.result(stuck).pixels is None  # cancelled
        assert time.monotonic() - begun < 3
        assert client.ping()["busy"]  # the thread still hangs
        with pytest.raises((EngineError, EngineGoneError)) as refused:
            other.result(waiting)
        assert getattr(refused.value, "code", "shutting_down") == "shutting_down"
    assert process.wait(20) == 0
    assert "has not ended" in directory.log.read_text()
    start()
    with Client(directory) as client:
        rendered = client.render(frame, {"model": "tiny", "strength": 0.0})
        assert np.isfinite(rendered.pixels).all()
