"""From a torch operator to a kernel on a CUDA device: what a launch needs, said before any launch."""

import ctypes
from collections.abc import Collection, Iterator, Sequence
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
_ALIGNMENT = 16  # bytes of one memory access, where a kernel reads eight numbers at a time
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
    tensors: dict[str, Tensor | None],
    elements: Sequence[str] = tuple(ELEMENTS),
    capability: int | None = None,
    *,
    alignment: int = _ALIGNMENT,
    strided: Collection[str] = (),
) -> str | None:
    """Why a kernel cannot take these tensors, in one sentence; None where it can.

    The tensors are of one type among ``elements``, on one CUDA device, aligned to ``alignment`` bytes and contiguous
    but for those named in ``strided``. ``capability``, ten times the device's compute capability, is asked of the
    device if None.
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
        if name not in strided and not tensor.is_contiguous():
            return f"{name} is not contiguous, and the kernel reads rows one after another"
        if tensor.data_ptr() % alignment:
            return f"{name} does not begin at a multiple of {alignment} bytes"
    if capability is None:
        capability = _capability(first.device.index or 0)
    if architecture(capability) is None:
        return f"compute capability {capability / 10} has no kernels; they begin at {ARCHITECTURES[0] / 10}"
    if not _has_bindings():
        return f"the kernels need cuda-bindings and NVRTC; {INSTALL}"
    return None


@cache
def _capability(index: int) -> int:
    """Ten times the compute capability of a device; asked once, for a launch must not wait for it."""
    major, minor = torch.cuda.get_device_capability(index)
    return 10 * major + minor


@cache
def _has_bindings() -> bool:
    return find_spec("cuda") is not None and find_spec("cuda.bindings") is not None


def in_type(wanted: Tensor, *tensors: Tensor | None) -> list[Any]:
    """``tensors`` in the type of ``wanted``: under autocast weights are of fp32 and activations of 16 bits."""
    return [part if part is None or part.dtype == wanted.dtype else part.to(wanted.dtype) for part in tensors]


def numbers(*given: Tensor | None) -> tuple[list[Tensor | None], int]:
    """Numbers [B] of pictures as kernels read them: fp32, and the step from picture to picture that all have.

    Nothing is copied where they are of fp32 and of one step, as the rows of Psi are.
    """
    held = [None if part is None else part.float() for part in given]
    steps = {part.stride(0) for part in held if part is not None and len(part) > 1}
    if len(steps) > 1:
        return [None if part is None else part.contiguous() for part in held], 1
    return held, steps.pop() if steps else 1


def has_rows(tensor: Tensor) -> bool:
    """Whether the tokens of each picture of [B,T,d] lie one after another; pictures may lie apart."""
    return tensor.stride(-1) == 1 and (tensor.shape[1] == 1 or tensor.stride(1) == tensor.shape[-1])


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

    own = architecture(_capability(index))
    assert own is not None
    status, module = driver.cuModuleLoadData(cubin(variant, own).code)
    _expect(status, f"load {variant.label} for sm_{own}")
    status, function = driver.cuModuleGetFunction(module, variant.name.encode())
    _expect(status, f"find {variant.name}")
    return function


def _expect(status: Any, what: str) -> None:
    if int(status) != 0:
        raise RuntimeError(f"the CUDA driver could not {what}: {status}")
