"""torch, loaded without what nothing but its meta device needs: a third of the time of its import.

``torch._meta_registrations`` holds the shapes that operators give on the meta device; with it come decompositions and
reference implementations of every operator, for compiling and exporting. A conversion computes numbers only.
"""

import gc
import importlib
import importlib.util
import sys
from types import ModuleType

_META = "torch._meta_registrations"


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
    if vars(torch).get("_meta_registrations") is empty:
        del vars(torch)["_meta_registrations"]


def import_meta_kernels() -> None:
    """Imports torch with its meta device, whose tensors have shapes and no numbers."""
    torch = importlib.import_module("torch")
    if not hasattr(torch, "_meta_registrations") and importlib.util.find_spec(_META) is not None:
        importlib.import_module(_META)
