"""A CUDA device that computes nothing: torch's fake tensors, which have shapes, types and a device, on any machine.

A build of torch without CUDA has no guard for such devices, which a library of five lines adds. What would make the
host wait for the device (an item, a branch on a value) raises, for there is no value.
"""

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lumaflux.lab.data.draws import DeviceGenerator
from lumaflux.ops import launch

CUDA = torch.device("cuda:0")
_SEED = 4242
_GUARD = """
#include <c10/core/impl/DeviceGuardImplInterface.h>
namespace c10::impl {
C10_REGISTER_GUARD_IMPL(CUDA, NoOpDeviceGuardImpl<DeviceType::CUDA>)
}
"""


def load_guard(cache: Path) -> None:
    """Once a process; skips the test where there is no compiler."""
    if torch.backends.cuda.is_built():
        return
    built = cache / f"cuda_guard_{torch.__version__}.so"
    if not built.exists():
        compiler = shutil.which("g++") or pytest.skip("fake CUDA devices need g++")
        root = Path(torch.__file__).parent
        source = cache / "cuda_guard.cpp"
        source.write_text(_GUARD)
        part = built.with_suffix(".part")
        command = [compiler, "-std=c++20", "-shared", "-fPIC", f"-I{root / 'include'}", str(source), "-o", str(part)]
        subprocess.run([*command, f"-L{root / 'lib'}", "-lc10"], check=True)
        part.replace(built)
    ctypes.CDLL(str(built))


def _apply(self, fn, recurse=True):
    """nn.Module's own moves the storage of a parameter, which a fake tensor has not."""
    for child in self.children():
        child._apply(fn)
    for name, parameter in self._parameters.items():
        if parameter is not None:
            held = nn.Parameter(fn(parameter.detach()), requires_grad=parameter.requires_grad)
            self._parameters[name] = held
    for name, buffer in self._buffers.items():
        if buffer is not None:
            self._buffers[name] = fn(buffer)
    return self


class Generator(DeviceGenerator):
    """A device's generator: its numbers are never drawn. It is known by its seed: its class does not reach there."""

    device = CUDA

    def __init__(self):
        self.manual_seed(_SEED)
        self.host = torch.Generator().manual_seed(1)


class _Drawn(TorchDispatchMode):
    """Random numbers of a device take no generator of the CPU: here they take none at all."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        devices = [part.device.type for part in tree_leaves((args, kwargs)) if isinstance(part, torch.Tensor)]
        if "generator" in kwargs and ("cuda" in devices or torch.device(kwargs.get("device") or "cpu").type == "cuda"):
            own = kwargs["generator"] is None or kwargs["generator"].initial_seed() == _SEED
            assert own, f"{func} on CUDA draws by a generator of the CPU"
            kwargs["generator"] = None
        return func(*args, **kwargs)


@contextmanager
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """Inside, tensors of CUDA can be made; kernels are refused (``launch.obstacle`` asks for addresses)."""
    monkeypatch.setattr(nn.Module, "_apply", _apply)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (9, 0))
    monkeypatch.setattr(torch.amp.autocast_mode, "is_bf16_supported", lambda *_: True, raising=False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    monkeypatch.setattr(torch.amp.autocast_mode, "amp_definitely_not_available", lambda: False, raising=False)
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    launch._capability.cache_clear()
    with FakeTensorMode(allow_non_fake_inputs=True), _Drawn():
        yield CUDA
    launch._capability.cache_clear()
