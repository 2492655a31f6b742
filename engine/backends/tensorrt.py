"""Engine bundles through TensorRT or TensorRT-RTX on a CUDA device.

Not executed on a device, signatures unverified: the calls follow NVIDIA's TensorRT Python API (Runtime, ICudaEngine,
IExecutionContext; "execute_async_v3", "set_tensor_address"). No test runs them yet, not even against a stand-in.
"""

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.backends.bundle import Manifest, check_bundle, read_manifest
from engine.backends.engine_network import EngineNetwork, load_host
from engine.errors import UserError
from engine.model.config import config_from_json

_MODULES = {"rtx": "tensorrt_rtx", "trt": "tensorrt"}
_DTYPES = {"FLOAT": torch.float32, "HALF": torch.float16, "BF16": torch.bfloat16, "INT64": torch.int64}


class TensorRTRunner:
    """Deserialises a part's engine when it is first asked for; one stream, outputs allocated call by call."""

    def __init__(self, trt: Any, directory: Path, manifest: Manifest, device: torch.device, stream: Any):
        self._trt, self.directory, self.manifest = trt, directory, manifest
        self.device, self._stream = device, stream
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.WARNING))
        self._contexts: dict[str, tuple[Any, Any]] = {}

    def __call__(self, part: str, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        engine, context = self._context(part)
        held, outputs = [], {}
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        is_input = {name: engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT for name in names}
        for name in (name for name in names if is_input[name]):
            value = inputs[name].to(self.device, self._dtype(engine, name)).contiguous()
            held.append(value)
            if not context.set_input_shape(name, tuple(value.shape)):
                raise UserError(
                    f"the engine's part {part} was not built for {name} of shape {tuple(value.shape)}; "
                    "build it with wider --sizes"
                )
            context.set_tensor_address(name, value.data_ptr())
        for name in (name for name in names if not is_input[name]):
            shape = tuple(context.get_tensor_shape(name))
            outputs[name] = torch.empty(shape, dtype=self._dtype(engine, name), device=self.device)
            context.set_tensor_address(name, outputs[name].data_ptr())
        if not context.execute_async_v3(self._stream.cuda_stream):
            raise RuntimeError(f"TensorRT could not execute {part}; its log says why")
        self._stream.synchronize()
        return outputs

    def _dtype(self, engine: Any, name: str) -> torch.dtype:
        return _DTYPES[engine.get_tensor_dtype(name).name]

    def _context(self, part: str) -> tuple[Any, Any]:
        if part not in self._contexts:
            path = self.directory / str(self.manifest.parts[part].engine)
            engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
            if engine is None:
                raise UserError(f"{path} does not load on this device and TensorRT version; build it again here")
            self._contexts[part] = engine, engine.create_execution_context()
        return self._contexts[part]


class TensorRTBackend:
    """As engine.backends.torch.TorchBackend, for a bundle of TensorRT engines."""

    def __init__(
        self,
        directory: Path,
        *,
        device: str | None = None,
        model_sha256: str | None = None,
        adapters_sha256: str | None = None,
    ):
        manifest = read_manifest(directory)
        check_bundle(directory, manifest, model_sha256, adapters_sha256)
        module = _MODULES.get(manifest.backend)
        if module is None:
            raise UserError(f"{directory} holds {manifest.backend} files, not TensorRT engines")
        if not torch.cuda.is_available():
            raise UserError(f"the engine {directory} is for {manifest.target}, and this machine has no CUDA device")
        self.device = torch.device(device or "cuda:0")
        found = "sm_{}{}".format(*torch.cuda.get_device_capability(self.device))
        if found != manifest.target:
            raise UserError(
                f"the engine {directory} is for {manifest.target}, the device here is {found}; build for it"
            )
        try:
            trt = importlib.import_module(module)
        except ImportError:
            package = "tensorrt-rtx" if manifest.backend == "rtx" else "tensorrt-cu13"
            raise UserError(f"{module} is missing; install it with `pip install {package}`") from None
        self.manifest, self.dtype = manifest, torch.float32
        self.config = config_from_json(manifest.config)
        host = load_host(self.config, directory / manifest.host).to(self.device)
        runner = TensorRTRunner(trt, directory, manifest, self.device, torch.cuda.current_stream(self.device))
        self.network = EngineNetwork(self.config, host, runner)
