"""The engine of a worker session: started once, asked often, started again when it was lost, never in the way."""

import os
import signal
import time

import pytest

from lumaflux.errors import FrameError, UserError
from lumaflux.farm.engine_process import SOCKET
from lumaflux.farm.job import JobFolder
from lumaflux.farm.job_spec import spec_text
from lumaflux.farm.session import _asked, ask, engine_pid, start_engine, stop_engine


@pytest.fixture
def start(order, media, tmp_path):
    started = []

    def make(source="clip.mp4", said=None, **changes):
        (tmp_path / "job.json").write_text(spec_text(order(source, **changes)))
        say = (lambda line: None) if said is None else said.append
        path = media / source
        folder = start_engine(tmp_path / "job.json", path.parent if "%" in path.name else path, tmp_path / "out", say)
        started.append(folder)
        return folder

    yield make
    for folder in started:
        stop_engine(folder)
        assert not folder.exists()


def test_one_load_for_all_chunks_and_back_after_a_kill(start, tmp_path):
    said = []
    folder = start(said=said)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert said == ["openjd_status: Loading the model", f"openjd_env: LUMAFLUX_FARM_ENGINE={folder}"]
    (tmp_path / "job.json").unlink()  # the session's copy may go
    first = ask(folder, "0-3", said.append)
    second = ask(folder, "2-5,9", said.append)
    assert (first["rendered"], second["rendered"], second["kept"], second["loads"]) == ("0-3", "4-5,9", "2-3", 1)
    assert "openjd_progress: 100.0" in said
    os.kill(engine_pid(folder), signal.SIGKILL)
    assert ask(folder, "10-11", said.append)["rendered"] == "10-11"
    assert "openjd_status: The engine was lost; starting it again" in said
    with pytest.raises(UserError, match="names no frames"):
        ask(folder, "all of them", said.append)
    assert ask(folder, "10", said.append)["kept"] == "10"


@pytest.mark.slow
def test_a_task_that_goes_away_frees_the_engine(start, tmp_path):
    folder = start()

    class GoneError(Exception):
        pass

    def leave(line):
        if line.startswith("openjd_status: 1 of"):
            raise GoneError

    with pytest.raises(GoneError):
        _asked(folder, "0-23", leave)
    begun = time.monotonic()
    ask(folder, "23", lambda line: None)
    assert time.monotonic() - begun < 30
    assert JobFolder(tmp_path / "out").failures() == {}


@pytest.mark.slow
def test_what_cannot_start_says_why(start, tmp_path):
    with pytest.raises(UserError, match="unknown model 'none'"):
        start(model="none")
    assert not list(tmp_path.glob("out/*.png"))


@pytest.mark.slow
def test_a_failed_frame_has_its_own_code(start, media, tmp_path):
    import shutil

    plates = tmp_path / "plates"
    shutil.copytree(media / "plates", plates)
    (plates / "plate.1002.png").write_bytes(b"poison")
    folder = start(source=plates / "plate.%04d.png")
    with pytest.raises(FrameError, match="1 frames failed: 1002"):
        ask(folder, "1001-1003", lambda line: None)
    assert (folder / SOCKET).exists()
