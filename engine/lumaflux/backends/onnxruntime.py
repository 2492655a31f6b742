"""Engine bundles through onnxruntime: on the CPU, or on a GPU where its package has that provider."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lumaflux.backends.bundle import Manifest
from lumaflux.backends.engine_backend import EngineBackend
from lumaflux.backends.engine_network import Runner
from lumaflux.errors import UserError

if TYPE_CHECKING:
    import numpy as np

_PROVIDERS = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")


def session(path: Path, *, providers: list[str] | None = None, optimise: bool = True) -> Any:
    """An onnxruntime session with as many threads as torch has. Raises UserError when the package is missing."""
    try:
        import onnxruntime
    except ImportError:
        raise UserError('onnxruntime is missing; install it with `pip install "lumaflux[export]"`') from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # its threads would take torch's turn
    if not optimise:  # fp8 Q/DQ on the CPU: the extended passes fuse what has no kernel
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers or ["CPUExecutionProvider"])
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"onnxruntime cannot load {path} ({reason}); build the engine again") from None


class OnnxRunner:
    """Sessions of a bundle's parts, opened when first asked for."""

    def __init__(self, directory: Path, manifest: Manifest, providers: list[str]):
        self.directory, self.manifest, self.providers = directory, manifest, providers
        self._sessions: dict[str, Any] = {}

    def __call__(self, part: str, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        if part not in self._sessions:
            record = self.manifest.parts[part]
            path = self.directory / record.onnx
            self._sessions[part] = session(path, providers=self.providers, optimise=record.precision != "fp8")
        return run_session(self._sessions[part], inputs)


def run_session(opened: Any, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors in and out by the graph's names."""
    feeds: dict[str, np.ndarray] = {}
    for entry in opened.get_inputs():
        value = inputs[entry.name].detach().cpu()
        if entry.type == "tensor(float16)":
            value = value.half()
        feeds[entry.name] = value.contiguous().numpy()
    names = [entry.name for entry in opened.get_outputs()]
    return {name: torch.from_numpy(value) for name, value in zip(names, opened.run(names, feeds), strict=True)}


class OnnxRuntimeBackend(EngineBackend):
    """A bundle of ONNX files; what the host keeps is on the CPU."""

    def _runner(self, directory: Path, manifest: Manifest, device: str | None) -> tuple[torch.device, Runner]:
        if manifest.backend != "ort":
            raise UserError(f"{directory} holds {manifest.backend} engines, not ONNX files for onnxruntime")
        return torch.device("cpu"), OnnxRunner(directory, manifest, _providers(manifest, device))


def _providers(manifest: Manifest, device: str | None) -> list[str]:
    import onnxruntime

    there = onnxruntime.get_available_providers()
    wants_gpu = (device or "").startswith("cuda") or (device is None and manifest.target != "cpu")
    if not wants_gpu:
        if manifest.target != "cpu":
            raise UserError(f"the engine was built for {manifest.target}, not for the CPU; build it with --target cpu")
        return ["CPUExecutionProvider"]
    found = [name for name in _PROVIDERS if name in there]
    if found == ["CPUExecutionProvider"] or not found:
        wanted = manifest.target if manifest.target != "cpu" else device
        raise UserError(
            f"the engine is for {wanted}, but onnxruntime here has the "
            'CPU alone; install the GPU package in an environment of its own with `pip install "PATH_TO_WHEEL[gpu]"`'
        )
    return found
