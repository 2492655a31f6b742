"""torch comes without the kernels of its meta device, and has them where they are asked for."""

import json
import subprocess
import sys

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
