"""Drives one test host: commands out, answers in, each wait with its limit."""

import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from host_pictures import Picture

OK, FAILED, MISSING_FEATURE, BAD_HANDLE, DEFAULT = 0, 1, 4, 9, 14  # OpenFX 1.5, "Status Codes"


class HostGoneError(Exception):
    """The host process ended, or did not answer in time."""


def remove(folder):
    """Removes a folder from which a worker that leaves may be taking its own files at the same time."""

    def gone_already(function, path, raised):
        if not isinstance(raised[1], FileNotFoundError):
            raise raised[1]

    shutil.rmtree(folder, onerror=gone_already)


class HostProcess:
    """A host with its own environment; a context manager that ends it as a user quits a program."""

    def __init__(self, executable: Path, environment: Mapping[str, str] | None = None, patience_s: float = 120.0):
        self.patience_s = patience_s
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the host
        self.process = subprocess.Popen(
            [os.fspath(executable)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **(environment or {})},
            text=True,
        )
        self._files = tempfile.TemporaryDirectory(prefix="lf-host-")
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "HostProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.quit()

    @property
    def pid(self) -> int:
        return self.process.pid

    def begin(self, what: str, *, thread: bool = True, **arguments: Any) -> int:
        """Gives a command that runs in a thread of the host; its number, for :meth:`result`."""
        number = next(self._numbers)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"do": what, "id": number, "thread": thread, **arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise HostGoneError(self._epitaph()) from None
        return number

    def result(self, number: int, patience_s: float | None = None) -> dict[str, Any]:
        """The answer to a command. Raises HostGoneError, and RuntimeError when the host could not do it."""
        until = time.monotonic() + (patience_s or self.patience_s)
        with self._arrived:
            while number not in self._answers:
                ended = not self._reader.is_alive()
                if ended or not self._arrived.wait(max(0.0, min(0.2, until - time.monotonic()))):
                    if number in self._answers:
                        break
                    if ended or time.monotonic() > until:
                        raise HostGoneError(self._epitaph())
            answer = self._answers.pop(number)
        if "failure" in answer:
            raise RuntimeError(answer["failure"])
        return answer

    def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        """A command and its answer."""
        return self.result(self.begin(what, thread=False, **arguments))

    def open(self, bundle: Path, *instances: str, faults: Mapping[str, Any] | None = None) -> "HostProcess":
        """Loads and describes the effect of a bundle and makes instances; every status must be OK."""
        library = bundle / "Contents" / "Linux-x86-64" / "LumaFlux.ofx"
        answers = [self.do("load", library=os.fspath(library), faults=dict(faults or {}))]
        answers += [self.do("describe"), self.do("describe_in_context")]
        answers += [self.do("create", instance=name) for name in instances]
        assert [answer["status"] for answer in answers] == [OK] * len(answers), answers
        return self

    def put(self, name: str, picture: Picture) -> None:
        """Lays a picture into the host's memory, under a name."""
        file = self._file()
        file.write_bytes(picture.memory)
        self.do("picture", picture=name, file=os.fspath(file), **picture.layout())
        file.unlink()

    def begin_render(
        self, instance: str, source: Picture | None, target: Picture, *, time: float = 0.0, **how: Any
    ) -> tuple[int, Path, Picture]:
        """Starts a render in a thread of the host; for :meth:`end_render`."""
        names = [f"source {instance} {time}", f"target {instance} {time}"]
        if source is not None:
            self.put(names[0], source)
        self.do("connect", instance=instance, clip="Source", time=time, picture=names[0] if source else None)
        self.put(names[1], target)
        file = self._file()
        number = self.begin("render", instance=instance, picture=names[1], time=time, save=os.fspath(file), **how)
        return number, file, target

    def end_render(self, begun: tuple[int, Path, Picture]) -> dict[str, Any]:
        """The answer; the target's memory is what the effect left there."""
        number, file, target = begun
        answer = self.result(number)
        target.memory[:] = file.read_bytes()
        file.unlink()
        return answer

    def render(self, instance: str, source: Picture | None, target: Picture, **how: Any) -> dict[str, Any]:
        """One frame, from picture to picture."""
        return self.end_render(self.begin_render(instance, source, target, **how))

    def said(self) -> list[str]:
        """The text of every message so far."""
        return [message["text"] for message in self.do("report")["messages"] if message["call"] != "clear"]

    def quit(self) -> None:
        """Ends the host, without a word to the plug-in, and judges what the plug-in did to it."""
        try:
            if self.process.poll() is None:
                report = self.result(self.begin("join", thread=False))
                assert report["violations"] == [], report["violations"]
                assert report["fetched"] == report["released"], "the effect keeps images"
                assert self.process.stdin is not None
                self.process.stdin.close()
                code = self.process.wait(30)
                assert code == 0, self._epitaph()
        finally:
            self.end()

    def end(self) -> None:
        """Kills the host."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._files.cleanup()

    def errors(self) -> str:
        """What the host wrote to its standard error."""
        self._errors.seek(0)
        return self._errors.read()

    def _file(self) -> Path:
        return Path(self._files.name) / f"{next(self._numbers)}.raw"

    def _epitaph(self) -> str:
        return f"the host ended ({self.process.poll()}) or hangs: {self.errors()[-2000:]}"

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            answer = json.loads(line)
            with self._arrived:
                self._answers[int(answer["id"])] = answer
                self._arrived.notify_all()
        with self._arrived:
            self._arrived.notify_all()
