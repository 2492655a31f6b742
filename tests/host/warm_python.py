"""A Python that has loaded the engine's libraries once and forks for every start: a worker of the tests is there in a
third of a second, where a new process loads torch for three.

``python warm_python.py SOCKET SCRIPT PIDS`` is what an effect starts in an engine's place: the fork runs SCRIPT with
this process's environment and descriptors 0 to 3, and adds its own number to the file PIDS.
"""

import contextlib
import json
import os
import signal
import socket
import sys

_SOCKET = socket.AF_UNIX, socket.SOCK_SEQPACKET  # a request is one message, with its descriptors


def _request(place: str, descriptors: list[int], **what) -> socket.socket:
    """Asks for a fork; the connection gives its number, and later its exit status."""
    connection = socket.socket(*_SOCKET)
    connection.connect(place)
    socket.send_fds(connection, [json.dumps(what).encode()], descriptors)
    return connection


class WarmPython:
    """The process that forks, and what is asked of it; it ends with the one that made it."""

    def __init__(self):
        import subprocess
        import tempfile

        self._folder = tempfile.TemporaryDirectory(prefix="lf-")
        self.place = os.path.join(self._folder.name, "warm")
        arguments = [sys.executable, "-P", os.path.abspath(__file__), "--serve", self.place]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it listens

    def start(self, code: str, environment: dict[str, str]) -> "Fork":
        """A process that runs ``code``, with this one's descriptors 0 to 2."""
        return Fork(_request(self.place, [0, 1, 2], code=code, environment=environment, folder=os.getcwd()))

    def shell_command(self, script: object, pids: object) -> str:
        """What a shell runs to become a client that has ``script`` run."""
        return f"{sys.executable} -I -S {os.path.abspath(__file__)} {self.place} {script} {pids}"

    def close(self):
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


class Fork:
    """As a ``subprocess.Popen``: a process that a :class:`WarmPython` forked."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self.pid = int(connection.recv(64))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        try:
            return self.wait(0.0)
        except TimeoutError:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutError."""
        if self.returncode is None:
            self._connection.settimeout(timeout or (None if timeout is None else 1e-6))
            self.returncode = int(self._connection.recv(64))
            self._connection.close()
        return self.returncode

    def kill(self):
        self._signal(signal.SIGKILL)

    def terminate(self):
        self._signal(signal.SIGTERM)

    def _signal(self, number: int):
        if self.poll() is None:
            os.kill(self.pid, number)


def _serve(place: str) -> dict:
    """Returns in every fork, with what it was asked for; ends where the one that asks has ended."""
    import selectors

    import torch  # noqa: F401

    import lumaflux.inference.load
    import lumaflux.service.renderer
    import lumaflux.service.serve
    import lumaflux.service.server  # noqa: F401

    listening = socket.socket(*_SOCKET)
    listening.bind(place)
    listening.listen(16)
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    watched = selectors.DefaultSelector()
    for source in (0, listening, woken):
        watched.register(source, selectors.EVENT_READ)
    forks: dict[int, socket.socket] = {}
    print(flush=True)
    while True:
        ready = {key.fileobj for key, _ in watched.select()}
        if 0 in ready:
            for pid in forks:
                os.kill(pid, signal.SIGKILL)
            sys.exit()
        if woken in ready:
            woken.recv(4096)
            for pid in list(forks):
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    _tell(forks.pop(pid), os.waitstatus_to_exitcode(status))
        if listening in ready:
            connection = listening.accept()[0]
            data, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 8)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.setsid()
                watched.close()
                for one in (listening, woken, wake, connection, *forks.values()):
                    one.close()
                for number, descriptor in enumerate(descriptors):
                    os.dup2(descriptor, number)
                os.closerange(len(descriptors), 256)
                return json.loads(data)
            for descriptor in descriptors:
                os.close(descriptor)
            forks[pid] = connection
            _tell(connection, pid)


def _tell(connection: socket.socket, number: int):
    with contextlib.suppress(OSError):  # where nobody waits for it
        connection.send(str(number).encode())


def _main():
    if sys.argv[1] != "--serve":
        place, script, pids = sys.argv[1:]
        with open(script, encoding="utf-8") as file:
            code = file.read()
        descriptors = [0, 1, 2, *([3] if os.path.exists("/dev/fd/3") else [])]
        what = {"code": code, "environment": dict(os.environ), "folder": os.getcwd(), "pids": pids}
        _request(place, descriptors, **what).recv(64)
        return
    asked = _serve(sys.argv[2])
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    if "pids" in asked:
        with open(asked["pids"], "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
    sys.argv[1:] = []
    exec(compile(asked["code"], "<worker>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    _main()
