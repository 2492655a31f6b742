"""torch comes without the kernels of its meta device, and has them where they are asked for."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import gc, json, sys
from lumaflux.torch_import import import_meta_kernels, import_torch
import_torch()
import torch
from lumaflux.color.arrays import namespace
namespace(torch.ones(2).numpy())
heavy = ["torch._meta_registrations", "torch._prims", "torch._decomp", "array_api_compat"]
before = [name for name in heavy if name in sys.modules]
import_torch()  # the second time there is nothing to do
number = float(torch.linalg.norm(torch.tensor([3.0, 4.0])))
import_meta_kernels()
on_meta = torch.nn.functional.max_pool2d(torch.empty(1, 1, 8, 8, device="meta"), 2, return_indices=True)
shapes = [list(one.shape) for one in on_meta]
print(json.dumps([before, number, shapes, torch._meta_registrations.__name__, gc.isenabled()]))
"""


def test_the_meta_device_comes_when_it_is_asked_for():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=True)
    before, number, shapes, name, collects = json.loads(done.stdout)
    assert before == []
    assert number == 5.0
    assert shapes == [[1, 1, 4, 4], [1, 1, 4, 4]]
    assert name == "torch._meta_registrations"
    assert collects


CIRCLES = """
import importlib, os, sys
from lumaflux.torch_import import import_torch
import_torch()
for name in sys.argv[1:]:
    if os.fork() == 0:  # each in a torch that has none of them yet
        module = importlib.import_module(name)
        kept = module is sys.modules[name] and type(module.__spec__.loader).__name__ == "SourceFileLoader"
        os._exit(0 if kept and "torch._meta_registrations" in sys.modules else 3)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0, name
"""


def test_libraries_may_import_its_parts_in_any_order():
    """diffusers, transformers and torch.compile each begin elsewhere in a circle of imports."""
    names = ("torch._decomp", "torch._refs", "torch.utils._content_store")
    done = subprocess.run([sys.executable, "-c", CIRCLES, *names], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


DEFERRED = """
import inspect, os, sys
from lumaflux.torch_import import _DEFERRED, import_torch
found = inspect.getmodule
import_torch()
assert inspect.getmodule is found
import torch
from lumaflux.inference.load import load
import lumaflux.render.run, lumaflux.render.clip
load("tiny", device="cpu")
stand_ins = [name for name in _DEFERRED if type(sys.modules[name]).__name__ == "_Deferred"]
code = torch.nn.Linear.forward.__code__  # for which all modules are looked at, and none is asked for anything
assert inspect.getmodule(code).__name__ == "torch.nn.modules.linear"
assert stand_ins == [name for name in _DEFERRED if type(sys.modules[name]).__name__ == "_Deferred"]
for name in _DEFERRED:
    if os.fork() == 0:  # each in a torch that has none of them yet
        os._exit(0 if sys.modules[name].__path__ and sys.modules[name].__spec__.name == name else 3)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0, name
held = [sys.modules[name] for name in reversed(_DEFERRED)]  # as `from torch import optim` holds one
for name, stand_in in zip(reversed(_DEFERRED), held):
    assert stand_in.__path__ == sys.modules[name].__path__
    assert type(sys.modules[name]).__name__ == "module" and sys.modules[name].__spec__.name == name
assert held[_DEFERRED[::-1].index("torch.optim")].SGD is torch.optim.SGD
assert isinstance(torch.distributions.Normal(0.0, 1.0).sample(), torch.Tensor)
assert torch.compile(lambda x: 2 * x, backend="eager")(torch.ones(2)).tolist() == [2.0, 2.0]
print(len(stand_ins), len(_DEFERRED))
"""


def test_parts_that_no_conversion_needs_come_when_they_are_asked_for():
    done = subprocess.run([sys.executable, "-c", DEFERRED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    left_out, all_of_them = map(int, done.stdout.split())
    assert left_out == all_of_them


LIBRARIES = """
import sys, threading
from lumaflux.torch_import import import_torch, load_libraries
load_libraries()
begun = [thread for thread in threading.enumerate() if thread.name == "libraries"]
import_torch()
import torch
for thread in begun:
    thread.join()
load_libraries()  # the second time there is nothing to do
there = "libtorch_cpu" in open("/proc/self/maps").read()
print(float(torch.ones(3).sum()), there, len(begun), threading.active_count())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ELF libraries")
def test_the_library_that_comes_beforehand_is_the_one_that_torch_takes():
    done = subprocess.run([sys.executable, "-c", LIBRARIES], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["3.0", "True", "1", "1"]
