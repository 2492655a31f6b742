"""Blocks by torch.compile, and what it needs of a machine. All blocks of a kind share one graph."""

import importlib.util
import os
import shutil

import torch

from lumaflux.errors import UserError
from lumaflux.model.lumaflux import LumaFlux, steered

_CPP = ("g++", "c++", "clang++", "cl")


def check_compiler(device: torch.device) -> None:
    """Raises UserError where torch.compile has nothing to compile with for ``device``."""
    if device.type == "cpu":
        named = os.environ.get("CXX")
        if named and not shutil.which(named):
            raise UserError(f"--compile needs a C++ compiler, and {named}, which CXX names, is not there; mend CXX")
        if not named and not any(map(shutil.which, _CPP)):
            raise UserError("--compile needs a C++ compiler on the CPU; install g++, or leave --compile out")
    elif device.type == "cuda":
        if importlib.util.find_spec("triton") is None:
            raise UserError("--compile needs Triton on a GPU, and it is not installed; leave --compile out")
    else:
        raise UserError(f"--compile is for the CPU and for CUDA devices, and {device} is neither; leave it out")


def compile_blocks(model: LumaFlux, backend: str = "inductor") -> None:
    """Compiles a block of each kind when it is first evaluated, and again for other sizes of frame."""
    model.evaluated = torch.compile(steered, backend=backend)
