"""What the colour tests share: published numbers, the two array libraries, a few frames."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

settings.register_profile("colour", deadline=None, max_examples=60)
settings.load_profile("colour")

BACKENDS = {
    "numpy-float64": lambda x: np.asarray(x, dtype=np.float64),
    "numpy-float32": lambda x: np.asarray(x, dtype=np.float32),
    "torch-float64": lambda x: torch.tensor(np.asarray(x), dtype=torch.float64),
    "torch-float32": lambda x: torch.tensor(np.asarray(x), dtype=torch.float32),
}


class Backend:
    """Makes arrays of one library and dtype, and chooses the tolerance that goes with the dtype."""

    def __init__(self, name: str):
        self.name = name
        self.double = name.endswith("64")
        self.asarray = BACKENDS[name]

    def tolerance(self, double: float, single: float) -> float:
        return double if self.double else single

    def same_kind(self, x) -> bool:
        want = self.asarray(0.0)
        return type(x) is type(want) and x.dtype == want.dtype


@pytest.fixture(params=sorted(BACKENDS))
def backend(request) -> Backend:
    return Backend(request.param)


@pytest.fixture(scope="session")
def golden() -> dict:
    """Numbers computed once with colour-science 0.4.7 (BSD-3-Clause); see the file's own ``meta``."""
    return json.loads((Path(__file__).parent / "golden_colour.json").read_text())


@pytest.fixture(scope="session")
def hdr_nits() -> np.ndarray:
    """A [3, 24, 32] float64 BT.2020 frame in cd/m2: log-uniform light of 1e-3 to 1000 and a black corner."""
    rng = np.random.default_rng(7)
    frame = 10 ** rng.uniform(-3, 3, size=(3, 24, 32))
    frame[:, :4, :4] = 0.0
    frame[:, 4:8, :4] = 1000.0
    return frame


@pytest.fixture(scope="session")
def as_frame():
    """Colours [N, 3] as a frame [3, 1, N], and back."""

    def convert(colours):
        return np.asarray(colours, dtype=np.float64).T[:, None, :]

    return convert


@pytest.fixture(scope="session")
def grey_frame():
    """Grey levels [N] as a frame [3, 1, N]."""

    def convert(levels):
        return np.broadcast_to(np.asarray(levels, dtype=np.float64), (3, 1, np.size(levels))).copy()

    return convert
