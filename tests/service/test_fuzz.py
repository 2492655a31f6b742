"""Whatever arrives on the socket, the worker goes on: 300 messages in the usual suite, 10,000 in the soak."""

import contextlib
import os
import socket

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumaflux.service import runtime
from lumaflux.service.client import Client
from lumaflux.service.protocol import HEADER

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_RENDER = {
    "type": "render",
    "id": 1,
    "shm": "/lumaflux-1-fuzz",
    "shm_size": 4096,
    "width": 4,
    "height": 4,
    "components": 4,
    "depth": "float",
    "src_offset": 0,
    "src_row_bytes": 64,
    "dst_offset": 256,
    "dst_row_bytes": 64,
    "premultiplied": False,
    "priority": "final",
    "frame": 0,
    "params": {"strength": 0.0},
}
_MEMBERS = [*_RENDER, "job", "model", "protocol", "version", "token", "client"]


def _framed(body):
    return HEADER.pack(len(body)) + body


_MAPS = st.dictionaries(st.sampled_from(_MEMBERS) | st.text(max_size=5), _VALUES, max_size=8)
_TYPED = st.builds(
    lambda kind, rest: {**rest, "type": kind, "id": 1},
    st.sampled_from(["ping", "cancel", "warm", "render", "hello", "dance"]),
    _MAPS,
)
_NEARLY = st.builds(
    lambda changes: {**_RENDER, **changes}, _MAPS.map(lambda m: {k: v for k, v in m.items() if k != "type"})
)
_MESSAGES = (
    st.binary(max_size=64)
    | st.builds(_framed, st.binary(min_size=1, max_size=64))
    | st.builds(lambda message: _framed(msgpack.packb(message)), _VALUES | _MAPS | _TYPED | _NEARLY)
    | st.builds(lambda length, body: HEADER.pack(length) + body, st.integers(0, 2**32 - 1), st.binary(max_size=32))
    | st.builds(lambda message, cut: _framed(msgpack.packb(message))[:-cut], _TYPED, st.integers(1, 8))
)


@pytest.fixture(scope="module")
def fuzzed(worker):
    """send(bytes, known): puts bytes on a connection, after a hello when ``known``, and reads what comes."""
    directory, process = worker
    token = runtime.read_contact(directory).token
    hello = {"type": "hello", "id": 0, "protocol": 1, "version": "", "token": token, "client": "fuzz"}

    def send(data, known):
        with socket.socket(socket.AF_UNIX) as raw, contextlib.suppress(OSError):
            raw.settimeout(0.02)
            raw.connect(os.fspath(directory.socket))
            raw.sendall((_framed(msgpack.packb(hello)) if known else b"") + data)
            with contextlib.suppress(TimeoutError):
                while raw.recv(4096):
                    pass
        assert process.poll() is None

    yield send
    with Client(directory) as client:
        assert client.ping()["type"] == "pong"
    assert "a connection failed" not in directory.log.read_text()  # every refusal was meant


_HEALTH = {"suppress_health_check": list(HealthCheck), "deadline": None, "database": None}


@given(_MESSAGES, st.booleans())
@settings(max_examples=300, **_HEALTH)
def test_300_messages(fuzzed, data, known):
    fuzzed(data, known)


@pytest.mark.soak
@given(_MESSAGES, st.booleans())
@settings(max_examples=10_000, **_HEALTH)
def test_10_000_messages(fuzzed, data, known):
    fuzzed(data, known)
