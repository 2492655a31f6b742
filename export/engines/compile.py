"""Starts a compiler in a process of its own: TensorRT's native failures end the process they happen in."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lumaflux.errors import UserError

from ..targets import config_of
from .kernel_nodes import reason_against
from .shapes import Profile, profile_of

_TAIL = 600  # characters of a compiler's last words that are shown


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """What all parts of a bundle are compiled with; ``device`` as sm_89, ``sizes`` as (width, height) three times."""

    backend: str
    device: str
    sizes: tuple[tuple[int, int], ...]
    model: str
    precision: str

    def compile(self, part: str, graph: Path, target: Path) -> None:
        """Compiles the graph of ``part``, writing ``target`` beside itself first.

        Raises UserError with the compiler's last words when it fails.
        """
        partial, config = target.with_name(f".{target.name}"), config_of(self.model)
        profile: Profile = profile_of(part, config, self.sizes)
        job = {
            "graph": str(graph),
            "target": str(partial),
            "nodes": str(nodes_file(target)),
            "device": self.device,
            "profile": profile,
            "backend": self.backend,
            "kernel": reason_against(config, self.backend, self.precision) is None,
        }
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        command = [sys.executable, "-m", f"{__package__}.tensorrt_build", json.dumps(job)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode or not partial.is_file():
            partial.unlink(missing_ok=True)
            words = (done.stderr.strip() or done.stdout.strip())[-_TAIL:]
            raise UserError(
                f"{self.backend} could not build {part} for {self.device} (exit {done.returncode}): {words}"
            )
        os.replace(partial, target)


def nodes_file(target: Path) -> Path:
    """Where a compiler notes which nodes of an engine took the project's kernel; not a file of the bundle."""
    return target.with_name(f".{target.name}.nodes.json")
