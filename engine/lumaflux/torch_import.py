"""torch, loaded without what a conversion does not need: half of the time of its import.

``torch._meta_registrations`` holds the shapes that operators give on the meta device; with it come decompositions and
reference implementations of every operator, for compiling and exporting. A conversion computes numbers only. Parts for
training, quantization and statistics come when they are asked for.
"""

import ctypes
import gc
import importlib
import importlib.util
import inspect
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from lumaflux.threads import wait_passively

_META = "torch._meta_registrations"
# Of what comes with it: these import each other in circles, which only _META enters at the right place.
_CIRCLES = {
    "torch._decomp",
    "torch._prims",
    "torch._prims_common.wrappers",
    "torch._refs",
    "torch.utils._content_store",
}

# Which torch imports for its users, and nothing of it uses before they do.
_DEFERRED = (
    "torch.ao",
    "torch.distributions",
    "torch.masked",
    "torch.nn.intrinsic",
    "torch.nn.qat",
    "torch.nn.quantizable",
    "torch.nn.quantized",
    "torch.onnx",
    "torch.optim",
    "torch.profiler",
    "torch.quantization",
    "torch.sparse",
    "torch.utils.data",
)

# Compiled parts of what a command imports first: while a library is loaded, every other one waits.
_COMPILED = ("datetime", "decimal", "hashlib", "unicodedata", "xxhash")


class _Deferred(ModuleType):
    """Stands for a module that is imported when something of it is asked for."""

    _replacing = threading.Lock()  # never held while anything is imported

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":  # asked by who looks through all modules that there are
            raise AttributeError(name)
        with self._replacing:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


class _MetaFirst(MetaPathFinder):
    """Imports the meta device's kernels before anything else of what they import: libraries and compilers do that."""

    _entered = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if self._entered or fullname not in _CIRCLES:
            return None
        self._entered = True  # and stays in the list, which other threads may be walking along
        importlib.import_module(_META)
        there = sys.modules.get(fullname)
        if there is None:
            return None
        there.__spec__ = spec = ModuleSpec(fullname, _Imported(there))  # which importlib takes, for it is there now
        return spec


class _Imported(Loader):
    """Gives a module that has been imported meanwhile."""

    def __init__(self, module: ModuleType):
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


def load_libraries() -> None:
    """Begins to load torch's largest library, in a thread: the interpreter imports other things meanwhile.

    For processes of our own that will need it. Where there is none of that name, or no such call, nothing is done.
    """
    spec = None if "torch" in sys.modules else importlib.util.find_spec("torch")
    library = None if spec is None or spec.origin is None else Path(spec.origin).parent / "lib" / "libtorch_cpu.so"
    if library is None or not library.exists():
        return
    wait_passively()  # OpenMP comes with it
    try:
        dlopen = ctypes.CDLL(None).dlopen  # which ctypes.CDLL calls as well, but with the interpreter's lock
    except AttributeError:
        return
    for name in _COMPILED:
        importlib.import_module(name)
    dlopen.argtypes, dlopen.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    threading.Thread(target=dlopen, args=(os.fsencode(library), os.RTLD_LAZY), name="libraries").start()  # ends first


def import_torch() -> None:
    """Imports torch, if nobody has. Whatever imports the meta device's kernels later, as compiling does, gets them; who
    computes on the meta device asks for them by :func:`import_meta_kernels`."""
    if "torch" in sys.modules or _META in sys.modules:
        return
    sys.modules[_META] = empty = ModuleType(_META)
    sys.modules.update((name, _Deferred(name)) for name in _DEFERRED if name not in sys.modules)
    collects = gc.isenabled()
    gc.disable()  # of a hundred thousand new objects none is garbage
    try:
        with quick_source_lines():
            torch = importlib.import_module("torch")
    finally:
        if collects:
            gc.enable()
        if sys.modules.get(_META) is empty:
            del sys.modules[_META]
    gc.freeze()  # and none of it is looked through later
    for name in _DEFERRED:  # as importing them would have done
        package, _, part = name.rpartition(".")
        vars(sys.modules[package]).setdefault(part, sys.modules[name])
    if vars(torch).get("_meta_registrations") is empty:
        del vars(torch)["_meta_registrations"]
        sys.meta_path.insert(0, _MetaFirst())


@contextmanager
def quick_source_lines() -> Iterator[None]:
    """Operators note the line that registers them, for which ``inspect`` resolves the path of every module; not here.

    It reads the line all the same.
    """
    found = inspect.getmodule
    inspect.getmodule = lambda *of, **by: None  # as for a frame of no module
    try:
        yield
    finally:
        inspect.getmodule = found


def import_meta_kernels() -> None:
    """Imports torch with its meta device, whose tensors have shapes and no numbers."""
    torch = importlib.import_module("torch")
    if not hasattr(torch, "_meta_registrations") and importlib.util.find_spec(_META) is not None:
        importlib.import_module(_META)
