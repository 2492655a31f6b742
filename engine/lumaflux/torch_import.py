"""torch, loaded without what nothing but its meta device needs: a third of the time of its import.

``torch._meta_registrations`` holds the shapes that operators give on the meta device; with it come decompositions and
reference implementations of every operator, for compiling and exporting. A conversion computes numbers only.
"""

import gc
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_META = "torch._meta_registrations"
# Of what comes with it: these import each other in circles, which only _META enters at the right place.
_CIRCLES = {
    "torch._decomp",
    "torch._prims",
    "torch._prims_common.wrappers",
    "torch._refs",
    "torch.utils._content_store",
}


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


def import_torch() -> None:
    """Imports torch, if nobody has. Whatever imports the meta device's kernels later, as compiling does, gets them; who
    computes on the meta device asks for them by :func:`import_meta_kernels`."""
    if "torch" in sys.modules or _META in sys.modules:
        return
    sys.modules[_META] = empty = ModuleType(_META)
    collects = gc.isenabled()
    gc.disable()  # of a hundred thousand new objects none is garbage
    try:
        torch = importlib.import_module("torch")
    finally:
        if collects:
            gc.enable()
        if sys.modules.get(_META) is empty:
            del sys.modules[_META]
    gc.freeze()  # and none of it is looked through later
    if vars(torch).get("_meta_registrations") is empty:
        del vars(torch)["_meta_registrations"]
        sys.meta_path.insert(0, _MetaFirst())


def import_meta_kernels() -> None:
    """Imports torch with its meta device, whose tensors have shapes and no numbers."""
    torch = importlib.import_module("torch")
    if not hasattr(torch, "_meta_registrations") and importlib.util.find_spec(_META) is not None:
        importlib.import_module(_META)
