"""Kernels without a GPU: g++ compiles the same source with each thread as a fiber; ctypes runs it on host memory."""

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.ops.sources import Variant, folder

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
    command = [compiler, "-std=c++17", "-O1", "-shared", "-fPIC", "-U_FORTIFY_SOURCE", "-Wno-unknown-pragmas"]
    machine = _built([*command, "-O2", "-c"], texts, ["emulation.h", "emulation.cpp"], "emulation.cpp", cache)
    needed = [name for name in texts if name.endswith(".cuh")] + ["emulation.h", "emulate.cpp"]
    macros = [*variant.options, f'-DSOURCE="{source}"', f"-DKERNEL={variant.name}", str(machine)]
    return _built([*command, *macros], texts, needed, "emulate.cpp", cache)


def _built(command: list[str], texts: dict[str, str], needed: list[str], main: str, cache: Path) -> Path:
    """What ``command`` makes of ``main``, whose text and neighbours' decide its name in ``cache``."""
    own = {name: texts[name] for name in needed}
    key = hashlib.sha256(repr((command, own)).encode()).hexdigest()[:16]
    target = cache / f"{Path(main).stem}-{key}.{'o' if '-c' in command else 'so'}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=cache) as tree:
            for name, text in own.items():
                (Path(tree) / name).write_text(text)
            part = Path(tree) / target.name
            subprocess.run([*command, "-o", str(part), str(Path(tree) / main)], check=True)
            part.replace(target)
    return target
