"""`lumaflux demo` under load: ``python -m lumaflux.lab.bench.demo_page FILE ... --users 10 --minutes 5``.

The command is started as people start it. Printed: seconds to the first page; from a dropped file to its result, once
with the model still to load and then again; what many users at once got, in how long; and the server's memory over
time.
"""

import argparse
import itertools
import json
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from lumaflux.arguments import file_there, number, whole
from lumaflux.endings import told

_AGAIN = 3  # drops of the first file after the one that loads the model
_SAMPLE_SECONDS = 1.0
_WARM = 0.25  # of the time of many users, after which memory should be flat


@contextmanager
def _started() -> Iterator[tuple[subprocess.Popen[str], str, float, int]]:
    """The server, its address, the seconds until it gave the first page, and that page's bytes."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "lumaflux", "demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            found = re.search(r"http://\S+/", said)
            if found is None:
                raise RuntimeError(f"lumaflux demo said '{said.strip()}' where its address belongs")
            with urllib.request.urlopen(found[0], timeout=120) as page:
                size = len(page.read())
            yield server, found[0], time.perf_counter() - begun, size
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()


class _User:
    """One visitor; what comes is downloaded, as a browser does."""

    def __init__(self, address: str, folder: Path):
        from gradio_client import Client

        self._client: Any = Client(address, download_files=folder, verbose=False)

    def drop(self, file: Path) -> float:
        """Seconds from the drop to the result. Raises what the page answers."""
        from gradio_client import handle_file

        begun = time.perf_counter()
        self._client.predict(handle_file(file), api_name="/convert")
        return time.perf_counter() - begun

    def leave(self) -> None:
        self._client.close()


def demo_page(files: Sequence[Path], users: int, minutes: float) -> dict[str, Any]:
    """Figures by name; times in seconds, memory in MiB of the server's process."""
    with TemporaryDirectory() as kept, _started() as (server, address, first_page, size):
        folder, process = Path(kept), psutil.Process(server.pid)
        alone = _User(address, folder)
        loading = alone.drop(files[0])
        drops = [alone.drop(files[0]) for _ in range(_AGAIN)]
        alone.leave()
        waits: list[float] = []
        errors: list[str] = []
        end = time.monotonic() + 60 * minutes

        def visit(number: int) -> None:
            try:
                user = _User(address, folder)
                for file in itertools.islice(itertools.cycle(files), number % len(files), None):
                    if time.monotonic() >= end:
                        break
                    waits.append(user.drop(file))
                user.leave()
            except Exception as error:  # whatever the page says is what is measured
                errors.append(f"user {number}: {error}")

        crowd = [threading.Thread(target=visit, args=(number,)) for number in range(users)]
        for one in crowd:
            one.start()
        memory = []
        while any(one.is_alive() for one in crowd):
            memory.append(process.memory_info().rss / 2**20)
            time.sleep(_SAMPLE_SECONDS)
        rest = memory[int(_WARM * len(memory)) :]
        half = len(rest) // 2
        return {
            "first_page_s": round(first_page, 2),
            "first_page_bytes": size,
            "drop_with_load_s": round(loading, 2),
            "drop_s": round(statistics.median(drops), 2),
            "users": users,
            "minutes": minutes,
            "conversions": len(waits),
            "errors": errors,
            "wait_median_s": round(statistics.median(waits), 2) if waits else None,
            "wait_largest_s": round(max(waits), 2) if waits else None,
            "memory_begin_mib": round(memory[0]),
            "memory_largest_mib": round(max(memory)),
            "memory_after_warming_mib": round(statistics.fmean(rest[:half])) if half else None,
            "memory_end_mib": round(statistics.fmean(rest[half:])) if rest else None,
        }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.demo_page", description=__doc__)
    parser.add_argument("files", type=file_there, nargs="+", help="pictures or clips; the first is dropped alone, too")
    parser.add_argument("--users", type=whole(), default=10)
    parser.add_argument("--minutes", type=number(0), default=5.0)
    options = parser.parse_args(arguments)
    print(json.dumps(demo_page(options.files, options.users, options.minutes), indent=1))


if __name__ == "__main__":
    with told("lumaflux"):
        main()
