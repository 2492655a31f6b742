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
