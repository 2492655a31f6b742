"""From a torch operator to a kernel on a CUDA device: what a launch needs, said before any launch.

Not executed on a device so far: no machine with one was at hand. What can be checked without one, is (docs/kernels.md).
"""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from lumaflux.ops.compiler import INSTALL, cubin
from lumaflux.ops.sources import ARCHITECTURES, ELEMENTS, Variant

Argument = Tensor | int | float | None
_ALIGNMENT = 16  # bytes of one memory access
_expressions_only: ContextVar[bool] = ContextVar("expressions_only", default=False)


@contextmanager
def expressions_only() -> Iterator[None]:
    """Within it every operator runs its torch expression, on any device: what kernels are compared with."""
    before = _expressions_only.set(True)
    try:
        yield
    finally:
        _expressions_only.reset(before)


def element_of(tensor: Tensor) -> str:
    """torch's name of a tensor's type, as ``ELEMENTS`` has them."""
    return str(tensor.dtype).removeprefix("torch.")


def obstacle(
    tensors: dict[str, Tensor | None], elements: Sequence[str] = tuple(ELEMENTS), capability: int | None = None
) -> str | None:
    """Why a kernel cannot take these tensors, in one sentence; None where it can.

    The tensors are of one type among ``elements``, on one CUDA device, contiguous and aligned. ``capability``, ten
    times the device's compute capability, is asked of the device if None.
    """
    if _expressions_only.get():
        return "kernels are switched off here"
    given = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    first = next(iter(given.values()))
    for name, tensor in given.items():
        if tensor.device != first.device or (capability is None and tensor.device.type != "cuda"):
            return f"{name} lies on {tensor.device}, and the kernel takes tensors of one CUDA device"
        if element_of(tensor) not in elements or tensor.dtype != first.dtype:
            return (
                f"{name} is of {element_of(tensor)}, and the kernel takes one of {', '.join(elements)} for all tensors"
            )
        if not tensor.is_contiguous():
            return f"{name} is not contiguous, and the kernel reads rows one after another"
        if tensor.data_ptr() % _ALIGNMENT:
            return f"{name} does not begin at a multiple of {_ALIGNMENT} bytes"
    if capability is None:
        major, minor = torch.cuda.get_device_capability(first.device)
        capability = 10 * major + minor
    if architecture(capability) is None:
        return f"compute capability {capability / 10} has no kernels; they begin at {ARCHITECTURES[0] / 10}"
    if find_spec("cuda") is None or find_spec("cuda.bindings") is None:
        return f"the kernels need cuda-bindings and NVRTC; {INSTALL}"
    return None


def architecture(capability: int) -> int | None:
    """The compiled architecture that a device of ``capability`` runs: the newest of its major version up to it."""
    fitting = [known for known in ARCHITECTURES if known <= capability and known // 10 == capability // 10]
    return max(fitting, default=None)


def run(variant: Variant, grid: tuple[int, int, int], arguments: Sequence[Argument], device: torch.device) -> None:
    """Puts one launch on torch's current stream of ``device``; tensors are changed in place.

    Raises RuntimeError where the driver refuses.
    """
    from cuda.bindings import driver  # pyright: ignore[reportAttributeAccessIssue]

    with torch.cuda.device(device):
        function = _function(variant, device.index or 0)
        values, kinds = zip(*(_passed(argument) for argument in arguments), strict=True)
        stream = torch.cuda.current_stream(device).cuda_stream
        threads = (variant.threads, 1, 1)
        (status,) = driver.cuLaunchKernel(function, *grid, *threads, 0, stream, (values, kinds), 0)
        _expect(status, f"launch {variant.label}")


def _passed(argument: Argument) -> tuple[Any, Any]:
    if argument is None:
        return 0, ctypes.c_void_p
    if isinstance(argument, Tensor):
        return argument.data_ptr(), ctypes.c_void_p
    return argument, ctypes.c_int if isinstance(argument, int) else ctypes.c_float


@cache
def _function(variant: Variant, index: int) -> Any:
    from cuda.bindings import driver  # pyright: ignore[reportAttributeAccessIssue]

    major, minor = torch.cuda.get_device_capability(index)
    own = architecture(10 * major + minor)
    assert own is not None
    status, module = driver.cuModuleLoadData(cubin(variant, own).code)
    _expect(status, f"load {variant.label} for sm_{own}")
    status, function = driver.cuModuleGetFunction(module, variant.name.encode())
    _expect(status, f"find {variant.name}")
    return function


def _expect(status: Any, what: str) -> None:
    if int(status) != 0:
        raise RuntimeError(f"the CUDA driver could not {what}: {status}")
