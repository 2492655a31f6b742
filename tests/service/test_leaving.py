"""A worker that leaves while clients are connected: it ends well, and says nothing to its terminal."""

import os
import signal
import subprocess
import sys

import pytest

from lumaflux.service import runtime
from lumaflux.service.client import Client


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, None])
def test_clients_that_are_still_there_are_no_traceback(directory, until, sent):
    """asyncio prints what cancels the tasks of connections that are open when its loop ends."""
    environment = {**os.environ, "LUMAFLUX_RUNTIME_DIR": str(directory.path.parent)}
    command = [sys.executable, "-m", "lumaflux", "serve", "--model", "tiny", "--device", "cpu", "--no-warm"]
    # A shell has what it starts in the background ignore Ctrl-C.
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        until(lambda: runtime.answers(directory) or process.poll() is not None)
        with Client(directory) as asks, Client(directory), Client(directory):
            if sent is None:
                asks.shutdown()
            else:
                process.send_signal(sent)
            said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert said == ("", "")
    assert {path.name for path in directory.path.iterdir()} == {"engine.lock", "engine.log"}
    assert "Traceback" not in directory.log.read_text()
