"""Threads wait without spinning wherever torch is loaded by this package."""

import os
import subprocess
import sys

import pytest

DOORS = {
    "python": [sys.executable, "-c", "import lumaflux; lumaflux.load"],
    "command": [sys.executable, "-m", "lumaflux.cli", "doctor"],
}


def policy(command, **environment):
    """What OpenMP says of itself when it is loaded."""
    clean = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        command, env={**clean, "OMP_DISPLAY_ENV": "true", **environment}, capture_output=True, text=True, check=True
    )
    lines = [line for line in done.stderr.splitlines() if "OMP_WAIT_POLICY" in line]
    assert lines, "OpenMP was not loaded"
    return {line.split("'")[1] for line in lines}


@pytest.mark.parametrize("door", DOORS)
def test_threads_wait_passively(door):
    assert policy(DOORS[door]) == {"PASSIVE"}


def test_what_the_user_set_stays():
    assert policy(DOORS["python"], OMP_WAIT_POLICY="ACTIVE") == {"ACTIVE"}
