"""How the command ends: sentences and exit codes, whatever its output, its terminal, its memory and its user are."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lumaflux.endings import told
from lumaflux.errors import FrameError, MissingExtraError, UserError

COMMAND = [sys.executable, "-m", "lumaflux"]


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (UserError("no such clip; check the name"), 2, "no such clip; check the name"),
        (FrameError("frame 3 failed"), 3, "frame 3 failed"),
        (MissingExtraError("Ray", "farm"), 2, "pip install 'lumaflux[farm]'"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 2, "the package torch is not installed"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (KeyboardInterrupt("12 frames are in a.partial.mp4"), 130, "interrupted; 12 frames are in a.partial.mp4"),
        (MemoryError(), 3, "too little memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), 3, "too little memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), 3, "too little memory"),
        (OSError(errno.ENOSPC, "No space left on device", "a.mp4"), 2, "a.mp4 cannot be written (No space left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 2, "the output cannot be written (Disk quota"),
    ],
)
def test_a_sentence_and_a_code(capsys, raised, code, said):
    with pytest.raises(SystemExit) as left, told("lumaflux"):
        raise raised
    assert left.value.code == code
    words = capsys.readouterr().err
    assert words.startswith("lumaflux: ")
    assert said in words
    assert words.count("\n") == 1


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("a bug"),
        OSError(errno.EIO, "Input/output error"),
        RuntimeError("odd"),
        ModuleNotFoundError("No module named 'lumaflux.x'", name="lumaflux.x"),
    ],
)
def test_a_bug_stays_a_traceback(raised):
    with pytest.raises(type(raised)), told("lumaflux"):
        raise raised


def run(*arguments, **how):
    return subprocess.run([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, timeout=300, **how)


@pytest.fixture
def closed_pipe():
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["convert", "--help"], ["farm", "--help"]])
def test_a_reader_that_left_is_no_traceback(closed_pipe, arguments):
    done = run(*arguments, stdout=closed_pipe)
    assert done.returncode in (0, 1, 141)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_print_into_a_closed_pipe_and_into_a_full_disk(tmp_path, closed_pipe):
    """`farm status` prints lines of its own, which the interpreter keeps until the end."""
    from lumaflux.farm.job import JobFolder, Manifest

    manifest = Manifest(
        source="a.mp4", source_kind="video", source_digest="0", width=4, height=4, frames="0-3", settings={},
        model="tiny", weights="0", reading={}, platform={}, device="cpu", precision="fp32", threads=1,
    )  # fmt: skip
    JobFolder(tmp_path).claim(manifest)
    done = run("farm", "status", str(tmp_path), stdout=closed_pipe)
    assert (done.returncode, done.stderr) == (141, "")
    with Path("/dev/full").open("w") as full:
        done = run("farm", "status", str(tmp_path), stdout=full)
    assert done.returncode == 2
    assert done.stderr == "lumaflux: the output cannot be written (No space left on device)\n"
    done = subprocess.run(
        f"{' '.join(COMMAND)} farm status {tmp_path} >&-", shell=True, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_reader_of_a_video_that_left(closed_pipe):
    script = (
        "import sys\n"
        "from lumaflux.endings import told\n"
        "from lumaflux.errors import ReaderLeftError\n"
        "with told('lumaflux'):\n"
        "    sys.stdout.buffer.write(b'FRAME')\n"
        "    raise ReaderLeftError('the reader of standard output left after 3 frames')\n"
    )
    kept = {**os.environ, "PYTHONUNBUFFERED": ""}  # a frame is still buffered when the interpreter ends
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, stdout=closed_pipe, stderr=subprocess.PIPE, text=True, env=kept)
    assert (done.returncode, done.stderr) == (141, "lumaflux: the reader of standard output left after 3 frames\n")


def test_an_error_for_which_nobody_listens(closed_pipe):
    done = subprocess.run([*COMMAND, "info", "not-there.mp4"], stderr=closed_pipe, stdout=subprocess.PIPE)
    assert done.returncode == 2


@pytest.mark.parametrize(("before", "asked"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)])
def test_a_closed_terminal_interrupts_unless_nohup_says_no(before, asked):
    script = (
        "import os, signal, sys, time\n"
        "from lumaflux.endings import end_by_signals, told\n"
        "from lumaflux.endings import Interruption\n"
        "end_by_signals()\n"
        "with told('lumaflux'):\n"
        "    with Interruption() as interruption:\n"
        "        os.kill(os.getpid(), signal.SIGHUP)\n"
        "        time.sleep(0.05)\n"
        "        print(interruption.asked, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    time.sleep(0.05)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, before),
    )
    assert done.stdout == f"{asked}\n", done.stderr
    assert (done.returncode, done.stderr) == ((130, "lumaflux: interrupted\n") if asked else (0, ""))


@pytest.fixture
def homeless(monkeypatch):
    """A user id of a container, without a name and without HOME."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "LUMAFLUX_ENGINES"):
        monkeypatch.delenv(name, raising=False)
    import pwd

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("USER", raising=False)
    monkeypatch.delenv("LOGNAME", raising=False)
    monkeypatch.delenv("LNAME", raising=False)
    monkeypatch.delenv("USERNAME", raising=False)
    with pytest.raises(RuntimeError):
        Path.home()


@pytest.mark.usefixtures("homeless")
def test_a_user_without_a_home(tmp_path):
    from lumaflux.farm.opencue import _user
    from lumaflux.inference.installed_engine import engine_for, installed_folder
    from lumaflux.service.analysis import state_directory
    from lumaflux.service.tracks import absolute

    assert engine_for(None, "tiny", device="cpu") is None
    with pytest.raises(UserError, match="set LUMAFLUX_ENGINES"):
        installed_folder("a" * 64, "b" * 64)
    assert state_directory() is None
    with pytest.raises(UserError, match="not the whole path"):
        absolute("~/track.json", "Tone track")
    assert _user() == str(os.getuid())


def test_names_with_brackets_are_no_markup(capsys):
    from lumaflux.doctor import Finding
    from lumaflux.progress import show_findings

    advice = "pip install 'lumaflux[export]'"
    finding = Finding(ok=False, subject="onnx [bold]", detail="/a/[b]/c", advice=advice)
    assert not show_findings([finding])
    said = " ".join(capsys.readouterr().out.split())
    for words in ("onnx [bold]", "/a/[b]/c", advice):
        assert words in said


def test_ctrl_c_while_the_command_is_loading_is_a_sentence(monkeypatch, capsys):
    from lumaflux.__main__ import main

    class Interrupted:
        def find_spec(self, name, path=None, target=None):
            if name == "lumaflux.cli":
                raise KeyboardInterrupt
            return None

    monkeypatch.delitem(sys.modules, "lumaflux.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    assert capsys.readouterr().err == "lumaflux: interrupted\n"
