"""Engine bundles through TensorRT or TensorRT-RTX on a CUDA device.

Not executed on a device, signatures unverified: the calls follow NVIDIA's TensorRT Python API (Runtime, ICudaEngine,
IExecutionContext; "execute_async_v3", "set_tensor_address"). Tests run them against a stand-in of that API, which
computes a part's graph by onnxruntime (tests/backends/tensorrt_stand_in.py).
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumaflux.backends.bundle import Manifest
from lumaflux.backends.cuda_stream import CudaStream, Stream
from lumaflux.backends.engine_backend import EngineBackend
from lumaflux.backends.engine_network import Runner
from lumaflux.errors import UserError

_MODULES = {"rtx": "tensorrt_rtx", "trt": "tensorrt"}
_DTYPES = {"FLOAT": torch.float32, "HALF": torch.float16, "BF16": torch.bfloat16, "INT64": torch.int64}
_GRAPHS = 16  # sets of shapes that are kept recorded


@dataclass(frozen=True, kw_only=True)
class _Bound:
    """A part at one set of input shapes: an execution context, the buffers that it reads and writes, and its graph."""

    context: Any
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    graph: Any


class TensorRTRunner:
    """Deserialises a part's engine when it is first asked for; records a CUDA graph for each set of input shapes."""

    def __init__(self, trt: Any, directory: Path, manifest: Manifest, device: torch.device, stream: Stream):
        self._trt, self.directory, self.manifest = trt, directory, manifest
        self.device, self._stream = device, stream
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.WARNING))
        self._engines: dict[str, Any] = {}
        self._bound: dict[tuple, _Bound] = {}

    def __call__(self, part: str, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Outputs are the caller's own. Raises UserError for a shape that the engine was not built for."""
        engine = self._engine(part)
        reads, _ = self._names(engine)
        key = (part, *(tuple(inputs[name].shape) for name in reads))
        self._stream.wait()  # what was queued for the inputs on torch's stream ends before they are read on this one
        with self._stream.scope():
            bound = self._bound.get(key) or self._bind(part, engine, inputs)
            self._bound.pop(key, None)
            self._bound[key] = bound  # the last one used is the last to go
            while len(self._bound) > _GRAPHS:
                del self._bound[next(iter(self._bound))]
            for name in reads:
                bound.inputs[name].copy_(inputs[name])
            self._stream.launch(bound.graph)
            made = {name: buffer.clone() for name, buffer in bound.outputs.items()}
        self._stream.synchronize()
        self._stream.hand_over(made.values())
        return made

    def _bind(self, part: str, engine: Any, inputs: dict[str, Tensor]) -> _Bound:
        context = engine.create_execution_context()
        reads, writes = self._names(engine)
        held, outputs = {}, {}
        for name in reads:
            held[name] = inputs[name].to(self.device, self._dtype(engine, name), copy=True).contiguous()
            if not context.set_input_shape(name, tuple(held[name].shape)):
                raise UserError(
                    f"the engine's part {part} was not built for {name} of shape {tuple(held[name].shape)}; "
                    "build it with wider --sizes"
                )
            context.set_tensor_address(name, held[name].data_ptr())
        for name in writes:
            shape = tuple(context.get_tensor_shape(name))
            outputs[name] = torch.empty(shape, dtype=self._dtype(engine, name), device=self.device)
            context.set_tensor_address(name, outputs[name].data_ptr())

        def execute() -> None:
            if not context.execute_async_v3(self._stream.handle):
                raise RuntimeError(f"TensorRT could not execute {part}; its log says why")

        execute()  # outside of the recording: a context allocates at its first execution
        self._stream.synchronize()
        return _Bound(context=context, inputs=held, outputs=outputs, graph=self._stream.record(execute))

    def _names(self, engine: Any) -> tuple[list[str], list[str]]:
        """Of inputs and of outputs."""
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        reads = [name for name in names if engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT]
        return reads, [name for name in names if name not in reads]

    def _dtype(self, engine: Any, name: str) -> torch.dtype:
        return _DTYPES[engine.get_tensor_dtype(name).name]

    def _engine(self, part: str) -> Any:
        if part not in self._engines:
            path = self.directory / str(self.manifest.parts[part].engine)
            engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
            if engine is None:
                raise UserError(f"{path} does not load on this device and TensorRT version; build it again here")
            self._engines[part] = engine
        return self._engines[part]


class TensorRTBackend(EngineBackend):
    """A bundle of TensorRT engines; what the host keeps is on their device."""

    def _runner(self, directory: Path, manifest: Manifest, device: str | None) -> tuple[torch.device, Runner]:
        module = _MODULES.get(manifest.backend)
        if module is None:
            raise UserError(f"{directory} holds {manifest.backend} files, not TensorRT engines")
        if not torch.cuda.is_available():
            raise UserError(f"the engine {directory} is for {manifest.target}, and this machine has no CUDA device")
        place = torch.device(device or "cuda:0")
        found = "sm_{}{}".format(*torch.cuda.get_device_capability(place))
        if found != manifest.target:
            raise UserError(
                f"the engine {directory} is for {manifest.target}, the device here is {found}; build for it"
            )
        try:
            trt = importlib.import_module(module)
        except ImportError:
            package = "tensorrt-rtx" if manifest.backend == "rtx" else "tensorrt-cu13"
            raise UserError(f"{module} is missing; install it with `pip install {package}`") from None
        return place, TensorRTRunner(trt, directory, manifest, place, CudaStream(place))
