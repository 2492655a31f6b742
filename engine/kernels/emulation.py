"""Kernels without a GPU: g++ compiles the same source with each thread as a fiber; ctypes runs it on host memory."""

import ctypes
import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from engine.errors import UserError
from engine.kernels.sources import Variant, folder

Order = Literal["forwards", "backwards", "random"]
ORDERS: tuple[Order, ...] = ("forwards", "backwards", "random")
Argument = Tensor | int | float | None


class Emulated:
    """One variant as a shared library in ``cache``; built where it is not there yet.

    ``edits`` are (old, new) pieces of the kernel's text, for tests that break it on purpose.
    """

    def __init__(self, variant: Variant, cache: Path, edits: Sequence[tuple[str, str]] = ()):
        self.variant = variant
        self._function = ctypes.CDLL(str(_library(variant, cache, edits))).emulate
        self._function.restype = ctypes.c_char_p

    def __call__(
        self, grid: tuple[int, int, int], arguments: Sequence[Argument], order: Order = "forwards", seed: int = 0
    ) -> None:
        """Runs every thread of ``grid`` blocks; tensors are changed in place.

        Raises RuntimeError where threads wait for one another for ever.
        """
        held = [_held(argument) for argument in arguments]
        pointers = (ctypes.c_void_p * len(held))(*(ctypes.addressof(value) for value in held))
        fault = self._function((ctypes.c_uint * 3)(*grid), self.variant.threads, pointers, ORDERS.index(order), seed)
        if fault:
            raise RuntimeError(f"{self.variant.label}: {fault.decode()}")


def _held(argument: Argument) -> ctypes.c_void_p | ctypes.c_int | ctypes.c_float:
    if argument is None:
        return ctypes.c_void_p(None)
    if isinstance(argument, Tensor):
        assert argument.is_contiguous()
        assert argument.device.type == "cpu"
        return ctypes.c_void_p(argument.data_ptr())
    return ctypes.c_int(argument) if isinstance(argument, int) else ctypes.c_float(argument)


def _library(variant: Variant, cache: Path, edits: Sequence[tuple[str, str]]) -> Path:
    compiler = shutil.which("g++")
    if compiler is None:
        raise UserError("the kernels' emulation needs g++, which is not on the PATH; install it")
    texts = {path.name: path.read_text() for path in sorted(folder().iterdir())}
    source = f"{variant.name}.cuh"
    for old, new in edits:
        if texts[source].count(old) != 1:
            raise ValueError(f"{source} has {texts[source].count(old)} times {old!r}, not once")
        texts[source] = texts[source].replace(old, new)
    key = hashlib.sha256(repr((variant, texts)).encode()).hexdigest()[:16]
    library = cache / f"{variant.name}-{key}.so"
    if not library.exists():
        tree = cache / key
        tree.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (tree / name).write_text(text)
        macros = [*variant.options, f'-DSOURCE="{source}"', f"-DKERNEL={variant.name}"]
        part = library.with_name(f".{library.name}")
        command = [compiler, "-std=c++17", "-O2", "-shared", "-fPIC", "-U_FORTIFY_SOURCE", "-Wno-unknown-pragmas"]
        subprocess.run([*command, *macros, "-o", str(part), str(tree / "emulate.cpp")], check=True)
        part.replace(library)
    return library


def bits(values: Tensor) -> Tensor:
    """A 16-bit tensor as the integers that kernels see, sharing memory."""
    return values.contiguous().view(torch.int16)
