"""Starts a compiler in a process of its own: TensorRT's native failures end the process they happen in."""

import json
import os
import subprocess
import sys
from pathlib import Path

from lumaflux.errors import UserError

from ..engines.shapes import Profile, profile_of
from ..targets import config_of

_TAIL = 600  # characters of a compiler's last words that are shown


def compile_part(
    backend: str, part: str, graph: Path, target: Path, device: str, sizes: tuple[tuple[int, int], ...], model: str
) -> None:
    """Compiles the graph of ``part`` for ``device``, writing ``target`` beside itself first.

    Raises UserError with the compiler's last words when it fails.
    """
    partial = target.with_name(f".{target.name}")
    profile: Profile = profile_of(part, config_of(model), sizes)
    job = {"graph": str(graph), "target": str(partial), "device": device, "profile": profile, "backend": backend}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    command = [sys.executable, "-m", f"{__package__}.tensorrt_build", json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode or not partial.is_file():
        partial.unlink(missing_ok=True)
        words = (done.stderr.strip() or done.stdout.strip())[-_TAIL:]
        raise UserError(f"{backend} could not build {part} for {device} (exit {done.returncode}): {words}")
    os.replace(partial, target)
