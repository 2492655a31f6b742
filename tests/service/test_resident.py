"""A worker that stays between sessions: it gives memory back, the next session finds the model, it ends in order."""

import time

import numpy as np
import pytest

from lumaflux.cli import app
from lumaflux.errors import UserError
from lumaflux.service import commands
from lumaflux.service.client import Client
from lumaflux.service.session import STATUS


def ready(directory):
    with Client(directory, name=STATUS) as client:
        return client.welcome["model_ready"] and not client.ping()["busy"]


@pytest.mark.slow
def test_memory_goes_between_sessions_and_the_next_finds_the_model(start, directory, frame, until, monkeypatch, capsys):
    process = start("--model", "tiny", "--device", "cpu", "--resident", "--free", "3")
    until(lambda: "loaded tiny" in directory.log.read_text())
    with Client(directory) as first:
        given = first.render(frame, {"model": "tiny"}).pixels
    until(lambda: "gave memory back" in directory.log.read_text())
    with Client(directory) as second:
        until(lambda: directory.log.read_text().count("loaded tiny") == 2)
        again = second.render(frame, {"model": "tiny"})
    assert not again.cached
    np.testing.assert_array_equal(again.pixels, given)
    assert process.poll() is None
    monkeypatch.setenv("LUMAFLUX_RUNTIME_DIR", str(directory.path.parent))
    commands.stop()
    assert process.wait(60) == 0
    assert sorted(path.name for path in directory.path.iterdir()) == ["engine.lock", "engine.log", "start.log"]
    commands.stop()
    assert capsys.readouterr().out.splitlines()[-1] == "no engine of this user runs"


def test_its_life_is_bounded(start, directory):
    """Whoever only looks at it keeps it no longer."""
    process = start("--no-warm", "--resident", "--idle", "0.5")
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        try:
            ready(directory)
        except UserError:
            break  # it is gone
        time.sleep(0.1)
    assert process.wait(30) == 0


@pytest.mark.parametrize("wrong", [{"idle": -1.0}, {"free": float("nan")}, {"idle": 1e9}])
def test_times_that_cannot_be_are_refused(wrong):
    with pytest.raises(UserError, match="from 0 to"):
        commands.serve(**wrong)


@pytest.mark.parametrize(("said", "resident"), [("1", True), ("0", False)])
def test_the_environment_can_wish_for_it(monkeypatch, said, resident):
    monkeypatch.setenv("LUMAFLUX_RESIDENT", said)
    function, bound, _ = app.parse_args(["serve"], exit_on_error=False, print_error=False)
    assert function is commands.serve
    assert bound.arguments.get("resident") is resident


@pytest.mark.parametrize(
    "words",
    [{"idle": -1.0}, {"idle": float("nan")}, {"free": float("inf")}, {"cache": -1}, {"cache": 1 << 40}],
)
def test_times_and_sizes_that_cannot_be_are_refused(words):
    (name,) = words
    with pytest.raises(UserError, match=f"^--{name} is .*; it must be from 0 to "):
        commands.serve(**words)
