import errno
import os
import socket
import subprocess
import sys

import pytest

from lumaflux.errors import UserError
from lumaflux.service import runtime
from lumaflux.service.serve import serve
from lumaflux.service.server import Options


def test_the_directory_is_private_and_made_once(root):
    directory = runtime.open_runtime_directory(root)
    assert directory.path == root / f"lumaflux-{os.geteuid()}"
    assert directory.path.stat().st_mode & 0o777 == 0o700
    assert runtime.open_runtime_directory(root) == directory


def test_a_directory_that_others_reach_is_refused(root):
    path = runtime.open_runtime_directory(root).path
    path.chmod(0o750)
    with pytest.raises(UserError, match="can be reached by others"):
        runtime.open_runtime_directory(root)


def test_a_link_or_a_file_in_its_place_is_refused(root):
    path = root / f"lumaflux-{os.geteuid()}"
    path.symlink_to("/tmp")
    with pytest.raises(UserError, match="can be reached by others"):
        runtime.open_runtime_directory(root)
    path.unlink()
    path.write_text("")
    with pytest.raises(UserError, match="LUMAFLUX_RUNTIME_DIR"):
        runtime.open_runtime_directory(root)


def test_no_place_for_the_directory_is_named(root):
    with pytest.raises(UserError, match="set LUMAFLUX_RUNTIME_DIR"):
        runtime.open_runtime_directory(root / "missing")
    long = root / ("x" * 100)
    long.mkdir()
    with pytest.raises(UserError, match="too long"):
        runtime.open_runtime_directory(long)


def test_the_root_follows_the_environment(root, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(root))
    monkeypatch.setenv("LUMAFLUX_RUNTIME_DIR", "relative")
    assert runtime.runtime_root() == root
    monkeypatch.setenv("LUMAFLUX_RUNTIME_DIR", "/somewhere")
    assert str(runtime.runtime_root()) == "/somewhere"


@pytest.mark.parametrize("session", ["", "relative", "/run/user/no-such-user", "a file"])
def test_a_session_directory_that_is_not_there_is_passed_over(root, monkeypatch, session):
    if session == "a file":
        session = str(root / "file")
        (root / "file").write_text("")
    monkeypatch.delenv("LUMAFLUX_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", session)
    assert str(runtime.runtime_root()) == "/tmp"


def test_the_token_is_new_each_time_and_private(directory):
    assert runtime.read_contact(directory).token == ""
    first, second = runtime.new_contact(directory), runtime.new_contact(directory)
    assert first.token != second.token
    assert len(bytes.fromhex(second.token)) == 32
    assert runtime.read_contact(directory) == second
    assert directory.token.read_text() == second.token
    assert directory.token.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in directory.path.iterdir()] == ["engine.token"]


def test_a_token_that_others_read_is_refused(directory):
    runtime.new_contact(directory)
    directory.token.chmod(0o644)
    with pytest.raises(UserError, match="can be read by others"):
        runtime.read_contact(directory)


def test_the_socket_is_private_and_replaces_a_stale_one(directory):
    runtime.listen(directory).close()
    assert directory.socket.exists()
    assert not runtime.answers(directory)
    with runtime.listen(directory):
        assert directory.socket.stat().st_mode & 0o777 == 0o600
        assert runtime.answers(directory)


def test_the_claim_is_one_process_s_and_ends_with_it(directory):
    script = (
        "import sys, pathlib; from lumaflux.service import runtime\n"
        "d = runtime.open_runtime_directory(pathlib.Path(sys.argv[1]))\n"
        "claim = runtime.claim(d); s = runtime.listen(d); print('held', flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, directory.path.parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    assert runtime.claim(directory) is None
    directory.socket.unlink()
    directory.pid.write_text(f"{holder.pid}\n")
    with pytest.raises(UserError, match=f"end process {holder.pid}"):
        runtime.claim(directory, patience_s=0.2)
    holder.kill()
    holder.communicate()
    claim = runtime.claim(directory)
    assert claim is not None
    os.close(claim)


def test_the_peer_is_known_to_the_kernel_and_only_its_user_is_trusted():
    one, other = socket.socketpair()
    with one, other:
        assert runtime.peer(one) == (os.getpid(), os.geteuid())
    assert runtime.trusted(os.geteuid())
    assert not runtime.trusted(os.geteuid() + 1)


@pytest.mark.parametrize("full", ["claim", "new_contact"])
def test_a_full_disk_is_named(root, monkeypatch, full):
    def no_room(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("LUMAFLUX_RUNTIME_DIR", os.fspath(root))
    monkeypatch.setattr(runtime, full, no_room)
    with pytest.raises(UserError, match=f"the disk of {root}/lumaflux-[0-9]+, where the engine works, is full"):
        serve(Options(model="tiny", device="cpu", warm=False))
