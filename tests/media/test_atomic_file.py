import os
import subprocess
import sys

import pytest

from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile


def _names(folder):
    return sorted(os.listdir(folder))


def test_a_good_end_gives_the_name(tmp_path):
    target = tmp_path / "out.bin"
    with AtomicFile(target) as file:
        file.partial.write_bytes(b"whole")
        file.scratch.write_bytes(b"on the way")
        assert not target.exists()
        assert all(name.startswith(".") for name in _names(tmp_path))
    assert target.read_bytes() == b"whole"
    assert _names(tmp_path) == ["out.bin"]


def test_a_bad_end_leaves_nothing(tmp_path):
    def fail():
        with AtomicFile(tmp_path / "out.bin") as file:
            file.partial.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _names(tmp_path) == []


def test_a_full_disk_is_said_in_a_sentence(tmp_path):
    def write():
        with AtomicFile(tmp_path / "out.bin") as file:
            file.partial.write_bytes(b"some")
            with open("/dev/full", "wb") as full:
                full.write(b"more")

    with pytest.raises(UserError, match=r"out\.bin cannot be written \(No space left on device\); is the disk full\?"):
        write()
    assert not list(tmp_path.iterdir())


def test_permissions_follow_the_umask(tmp_path):
    with AtomicFile(tmp_path / "out.bin"):
        pass
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "out.bin").stat().st_mode & 0o777 == 0o666 & ~umask


def test_existing_targets_are_kept_unless_told(tmp_path):
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    with pytest.raises(UserError, match="exists already"):
        AtomicFile(target)
    with pytest.raises(RuntimeError), AtomicFile(target, overwrite=True):
        raise RuntimeError
    assert target.read_bytes() == b"old"
    with AtomicFile(target, overwrite=True) as file:
        file.partial.write_bytes(b"new")
    assert target.read_bytes() == b"new"


def test_a_target_that_appears_meanwhile_is_kept(tmp_path):
    target = tmp_path / "out.bin"
    with pytest.raises(UserError, match="exists already"), AtomicFile(target):
        target.write_bytes(b"somebody else's")
    assert target.read_bytes() == b"somebody else's"
    assert _names(tmp_path) == ["out.bin"]


def test_the_input_is_never_the_target(tmp_path):
    source = tmp_path / "in.bin"
    source.write_bytes(b"x")
    link = tmp_path / "link.bin"
    link.symlink_to(source)
    with pytest.raises(UserError, match="is the input itself"):
        AtomicFile(link, overwrite=True, sources=(source,))


def test_targets_that_cannot_be(tmp_path):
    with pytest.raises(UserError, match="is a directory"):
        AtomicFile(tmp_path)
    with pytest.raises(UserError, match="no directory"):
        AtomicFile(tmp_path / "none" / "out.bin")
    with pytest.raises(UserError, match="cannot be written: File name too long"):
        AtomicFile(tmp_path / ("n" * 255)).create()


def test_an_exclusive_target_has_one_writer(tmp_path):
    target = tmp_path / "out.bin"
    with AtomicFile(target, exclusive=True) as first:
        first.partial.write_bytes(b"first")
        with pytest.raises(UserError, match="being written by another run"), AtomicFile(target, exclusive=True):
            pass
        assert first.partial.read_bytes() == b"first"
    assert target.read_bytes() == b"first"
    with AtomicFile(target, exclusive=True, overwrite=True) as second:
        second.partial.write_bytes(b"second")
    assert target.read_bytes() == b"second"
    assert _names(tmp_path) == ["out.bin"]


def test_what_a_killed_writer_left_is_used_again(tmp_path):
    (tmp_path / ".out.bin.partial").write_bytes(b"half of it")
    with AtomicFile(tmp_path / "out.bin", exclusive=True) as file:
        assert file.partial.read_bytes() == b""
        file.partial.write_bytes(b"whole")
    assert _names(tmp_path) == ["out.bin"]
    assert (tmp_path / "out.bin").read_bytes() == b"whole"


_INTERRUPTED = """
import os, pathlib, signal, sys
from lumaflux.endings import end_by_signals, told
from lumaflux.media.atomic_file import AtomicFile

owner, step, when, exclusive = sys.argv[1:]
owner = {"AtomicFile": AtomicFile, "os": os, "Path": pathlib.Path}[owner]
whole, calls = getattr(owner, step), []

def interrupted(*arguments, **named):
    if not calls and when == "after":
        calls.append(whole(*arguments, **named))
        os.kill(os.getpid(), signal.SIGTERM)
        return calls[0]
    if not calls:
        calls.append(None)
        os.kill(os.getpid(), signal.SIGTERM)
    return whole(*arguments, **named)

end_by_signals()
with told("lumaflux"):
    setattr(owner, step, interrupted)
    with AtomicFile("out.bin", exclusive=exclusive == "exclusive") as file:
        file.partial.write_bytes(b"whole")
        file.scratch.write_bytes(b"on the way")
"""


@pytest.mark.parametrize("exclusive", ["exclusive", "shared"])
@pytest.mark.parametrize(
    ("owner", "step", "when"),
    [
        ("AtomicFile", "create", "after"),
        ("AtomicFile", "commit", "before"),
        ("AtomicFile", "discard", "before"),
        ("os", "replace", "before"),
        ("os", "replace", "after"),
        ("Path", "unlink", "before"),
        ("Path", "unlink", "after"),
    ],
)
def test_a_signal_between_two_steps_leaves_nothing_hidden(tmp_path, owner, step, when, exclusive):
    command = [sys.executable, "-c", _INTERRUPTED, owner, step, when, exclusive]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "lumaflux: interrupted\n")
    assert set(_names(tmp_path)) <= {"out.bin"}
    if _names(tmp_path):
        assert (tmp_path / "out.bin").read_bytes() == b"whole"


_FORKED = """
import atexit, os
from lumaflux.media.atomic_file import AtomicFile

with AtomicFile("out.bin") as file:
    file.partial.write_bytes(b"whole")
    child = os.fork()
    if not child:
        atexit._run_exitfuncs()
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_exit_handlers_of_a_forked_child_leave_the_parent_s_files(tmp_path):
    subprocess.run([sys.executable, "-c", _FORKED], cwd=tmp_path, timeout=60, check=True)
    assert (tmp_path / "out.bin").read_bytes() == b"whole"
