"""ColorVideoVDP (Mantiuk et al., SIGGRAPH 2024) of a clip or a still, by the authors' own package.

It needs torchvision, which the engine's environment does without: LUMAFLUX_CVVDP names the Python of another one.
"""

import inspect
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.metrics import cvvdp_process

VARIABLE = "LUMAFLUX_CVVDP"
DISPLAY = "standard_hdr_pq"
CODES = 65535


def options() -> dict[str, str]:
    """``version`` is that of the package found, or "unavailable"."""
    python = interpreter()
    found = "unavailable" if python is None else _version(python)
    return {
        "version": found,
        "display": DISPLAY,
        "input": "PQ R'G'B' BT.2020 of 16 bits",
        "temporal_padding": "replicate",
    }


def interpreter() -> Path | None:
    """The Python that has cvvdp: the one that LUMAFLUX_CVVDP names, else this one, else None.

    Raises UserError when LUMAFLUX_CVVDP names one that does not.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return Path(sys.executable) if find_spec("pycvvdp") else None
    _version(Path(named))
    return Path(named)


class ColorVideoVdp:
    """Takes a clip frame by frame onto disk (temporary, 12 bytes a pixel and frame) and scores it in one go."""

    def __init__(self, python: Path, frame_rate: float):
        self._python, self._frame_rate = python, frame_rate
        self._folder = tempfile.TemporaryDirectory(prefix="cvvdp-")  # goes with this object
        self._files = [Path(self._folder.name) / name for name in ("test.raw", "reference.raw")]
        self._shape: tuple[int, ...] | None = None
        self._frames = 0

    def add(self, test_pq: Tensor, reference_pq: Tensor) -> None:
        """PQ pictures [1,3,H,W] in [0,1]."""
        for path, picture in zip(self._files, (test_pq, reference_pq), strict=True):
            with path.open("ab") as file:
                _write_codes(file, picture)
        self._shape = tuple(test_pq.shape[1:])
        self._frames += 1

    def score(self) -> float | None:
        """JOD, 10 for equal clips; a clip of one frame is a still. None for no frame. Raises UserError when cvvdp
        fails."""
        if self._shape is None:
            return None
        call = {
            "test": str(self._files[0]),
            "reference": str(self._files[1]),
            "shape": (self._frames, *self._shape),
            "frame_rate": self._frame_rate if self._frames > 1 else 0,
            "display": DISPLAY,
        }
        script = inspect.getsource(cvvdp_process)
        threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
        done = subprocess.run(
            [self._python, "-c", script, json.dumps(call)],
            capture_output=True,
            text=True,
            cwd=self._folder.name,
            env=os.environ | threads,
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise UserError(f"ColorVideoVDP by {self._python} failed: {last}")
        return json.loads(done.stdout.splitlines()[-1])["jod"]


def _write_codes(file: IO[bytes], picture: Tensor) -> None:
    codes = np.rint(picture[0].double().clamp(0, 1).numpy() * CODES)
    file.write(codes.astype("<u2").tobytes())


@cache
def _version(python: Path) -> str:
    asked = "import importlib.metadata as m; print(m.version('cvvdp'))"
    try:
        done = subprocess.run([python, "-c", asked], capture_output=True, text=True)
    except OSError as error:
        raise UserError(f"{VARIABLE} names {python}, which does not start ({error.strerror}); name a Python") from None
    if done.returncode != 0:
        raise UserError(f"{VARIABLE} names {python}, which has no cvvdp; install it there with pip install cvvdp")
    return done.stdout.strip()
