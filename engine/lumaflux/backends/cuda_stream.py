"""A CUDA stream of our own, and graphs recorded on it, through cuda-python.

Not executed on a device, signatures unverified: NVIDIA, CUDA Python API reference, "cuda.bindings.runtime"
(cudaStreamCreateWithFlags, cudaStreamBeginCapture, cudaStreamEndCapture, cudaGraphInstantiate, cudaGraphLaunch).
"""

import importlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor

from lumaflux.errors import UserError


class Stream(Protocol):
    """What engines run on. ``handle`` is the address that TensorRT takes."""

    handle: int

    def scope(self) -> AbstractContextManager[Any]:
        """torch's own work inside is queued on this stream."""
        ...

    def wait(self) -> None:
        """What comes after on this stream begins when all is done that torch's current stream was given."""
        ...

    def hand_over(self, tensors: Iterable[Tensor]) -> None:
        """Memory taken inside of ``scope`` is given back only when torch's current stream is done with it too."""
        ...

    def record(self, work: Callable[[], None]) -> Any:
        """``work``'s launches as a graph that can be launched again; nothing of it is executed now."""
        ...

    def launch(self, graph: Any) -> None: ...

    def synchronize(self) -> None: ...


class CudaStream:
    """A non-blocking stream on ``device``. Raises UserError without cuda-python, RuntimeError for CUDA's errors."""

    def __init__(self, device: torch.device):
        try:
            self._runtime: Any = importlib.import_module("cuda.bindings.runtime")
        except ImportError:
            raise UserError("cuda-python is missing; install it with `pip install cuda-python`") from None
        self.device = device
        with torch.cuda.device(device):
            self._stream = self._call("cudaStreamCreateWithFlags", self._runtime.cudaStreamNonBlocking)
        self.handle = int(self._stream)

    def scope(self) -> AbstractContextManager[Any]:
        return torch.cuda.stream(self._external())

    def wait(self) -> None:
        self._external().wait_stream(torch.cuda.current_stream(self.device))

    def hand_over(self, tensors: Iterable[Tensor]) -> None:
        taker = torch.cuda.current_stream(self.device)
        for tensor in tensors:
            tensor.record_stream(taker)

    def _external(self) -> Any:
        return torch.cuda.ExternalStream(self.handle, device=self.device)

    def record(self, work: Callable[[], None]) -> Any:
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", self._stream, mode)
        try:
            work()
        finally:
            graph = self._call("cudaStreamEndCapture", self._stream)
        recorded = self._call("cudaGraphInstantiate", graph, 0)
        self._call("cudaGraphDestroy", graph)
        return recorded

    def launch(self, graph: Any) -> None:
        self._call("cudaGraphLaunch", graph, self._stream)

    def synchronize(self) -> None:
        self._call("cudaStreamSynchronize", self._stream)

    def _call(self, name: str, *arguments: Any) -> Any:
        error, *results = getattr(self._runtime, name)(*arguments)
        if error != self._runtime.cudaError_t.cudaSuccess:
            raise RuntimeError(f"{name} failed: {error}")
        return results[0] if results else None
