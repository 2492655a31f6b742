"""What can be built for what: devices, backends, precisions and sizes, and what a build needs of this machine."""

import importlib.util
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from lumaflux.backends.bundle import Backend, Precision
from lumaflux.errors import UserError
from lumaflux.inference.weights import LITE
from lumaflux.model.config import LumaFluxConfig, read_config
from lumaflux.model.presets import HUB_BACKBONES, PRESETS

TARGETS = ("sm_80", "sm_86", "sm_89", "sm_90", "sm_120", "cpu")
BACKENDS = ("ort", "rtx", "trt")
WITHOUT_FP8 = ("sm_80", "sm_86")  # E4M3 products begin with Ada, compute capability 8.9
_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "fp8": 1}
_BY_BLOCKS = 4 << 30  # bytes of weights, from which on the velocity becomes one graph a block
TRACED = 4  # times a part's weights that its trace takes at most
_PACKAGES = {"rtx": ("tensorrt_rtx", "tensorrt-rtx"), "trt": ("tensorrt", "tensorrt-cu13")}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is built; ``sizes`` are (width, height): least, usual, largest."""

    model: str
    adapters: Path | None
    backbone: Path | None
    precision: Precision
    target: str
    backend: Backend
    sizes: tuple[tuple[int, int], ...]
    calibration: Path | None
    out: Path
    frames: int = 2
    by_blocks: bool | None = None  # the velocity as one graph a block; None where its weights are large


def parse_sizes(text: str) -> tuple[tuple[int, int], ...]:
    """``512x512:1024x1024:1920x1088`` -> (width, height) of the least, usual and largest frame."""
    try:
        sizes = tuple((int(w), int(h)) for w, h in (entry.lower().split("x") for entry in text.split(":")))
    except ValueError:
        raise UserError(f"'{text}' are no sizes; write WIDTHxHEIGHT three times: 512x512:1024x1024:1920x1088") from None
    if len(sizes) not in (1, 3):
        raise UserError(f"'{text}' names {len(sizes)} sizes; name one, or the least, the usual and the largest")
    sizes = sizes * 3 if len(sizes) == 1 else sizes
    for width, height in sizes:
        if width < 16 or height < 16 or width % 16 or height % 16:
            raise UserError(f"the size {width}x{height} is not a multiple of 16 in both directions")
    if any(sizes[i][axis] > sizes[i + 1][axis] for i in (0, 1) for axis in (0, 1)):
        raise UserError(f"the sizes '{text}' must ascend in width and height: least, usual, largest")
    return sizes


def config_of(model: str) -> LumaFluxConfig:
    if model == "lite":
        return read_config(LITE / "config.json")
    if Path(model).is_dir():
        return read_config(Path(model) / "config.json")
    if model in PRESETS:
        return PRESETS[model]
    raise UserError(f"unknown model '{model}'; choose lite or one of {', '.join(PRESETS)}, or name a model directory")


def check_request(request: Request) -> None:
    """Raises UserError for what cannot be built, before any work starts."""
    if request.target not in TARGETS:
        raise UserError(f"unknown target '{request.target}'; choose one of {', '.join(TARGETS)}")
    if request.backend not in BACKENDS:
        raise UserError(f"unknown backend '{request.backend}'; choose one of {', '.join(BACKENDS)}")
    if request.precision not in _BYTES:
        raise UserError(f"unknown precision '{request.precision}'; choose one of {', '.join(_BYTES)}")
    if request.precision == "fp8" and request.target in WITHOUT_FP8:
        raise UserError(f"{request.target} has no fp8; choose --precision fp16, or a target from sm_89 on")
    if request.backend == "rtx" and request.target == "sm_90":
        raise UserError("TensorRT-RTX has no sm_90; build for an H100 or H200 with --backend trt")
    if request.backend != "ort" and request.target == "cpu":
        raise UserError(f"--backend {request.backend} builds for GPUs; --target cpu takes --backend ort")
    if request.precision == "bf16" and request.target == "cpu":
        raise UserError("onnxruntime's CPU has no bf16: such a bundle could not be loaded; choose fp32, fp16 or fp8")
    if request.frames < 1:
        raise UserError(f"--frames is {request.frames}; name how many calibration frames are taken, at least 1")
    if request.precision == "fp8" and request.calibration is None:
        raise UserError("fp8 needs calibration frames; name a clip or pictures with --calibration")
    if request.calibration is not None and not request.calibration.exists():
        raise UserError(f"the calibration frames {request.calibration} do not exist")
    if request.model in HUB_BACKBONES and request.adapters is None:
        raise UserError(f"{request.model} needs an adapter file; name it with --adapters FILE")
    _check_packages(request.backend)
    if request.backend == "trt":
        _check_device(request)
    _check_room(request)


def _check_packages(backend: str) -> None:
    for module in ("onnx", "onnxscript", "onnxruntime"):
        if importlib.util.find_spec(module) is None:
            raise UserError(f'{module} is missing; install it with `pip install "lumaflux[export]"`')
    if backend in _PACKAGES:
        module, package = _PACKAGES[backend]
        if importlib.util.find_spec(module) is None:
            raise UserError(f"{module} is missing; install it with `pip install {package}`")


def _check_device(request: Request) -> None:
    """Enterprise TensorRT builds for the device that is there, and the kernel that goes into the engine needs NVRTC."""
    import torch

    from .engines.kernel_nodes import reason_against

    if not torch.cuda.is_available():
        raise UserError(
            f"--backend trt builds for the GPU that is there, and this machine has none; "
            f"build on the machine with the {request.target}, or choose --backend rtx"
        )
    found = "sm_{}{}".format(*torch.cuda.get_device_capability())
    if found != request.target:
        raise UserError(f"--backend trt builds for the GPU that is there, {found}; name --target {found}")
    kernel = reason_against(config_of(request.model), request.backend, request.precision) is None
    if kernel and not (importlib.util.find_spec("cuda") and importlib.util.find_spec("cuda.bindings.nvrtc")):
        raise UserError("the engine's own kernel needs NVRTC; install it with `pip install 'lumaflux[kernels]'`")


def weight_bytes(config: LumaFluxConfig) -> int:
    """Bytes of all weights in fp32, counted without making them."""
    import torch

    from lumaflux.model.build import build

    with torch.device("meta"):
        return 4 * sum(parameter.numel() for parameter in build(config).parameters())


def by_blocks(request: Request) -> bool:
    """Whether the velocity becomes one graph a block: as asked, or where its weights are large."""
    if request.by_blocks is not None:
        return request.by_blocks
    return weight_bytes(config_of(request.model)) * _BYTES[request.precision] // 4 >= _BY_BLOCKS


def largest_part(config: LumaFluxConfig) -> int:
    """Bytes in fp32 of the largest part of a model whose velocity lies in blocks, counted with one block a kind."""
    import torch

    from lumaflux.model.build import build

    shape = config.transformer
    one = {name: min(1, shape[name]) for name in ("num_layers", "num_single_layers")}
    few = replace(config, transformer={**shape, **one})
    with torch.device("meta"):
        model = build(few)

    def size(module: Any) -> int:
        return 4 * sum(parameter.numel() for parameter in module.parameters())

    blocks = [size(model.transformer_block(index)) for index in range(few.blocks)]
    steering = (config.blocks - few.blocks) * size(model.adapters.of_block(0))
    conditions = size(model.siglip) + size(model.adapters) + steering
    return max(*blocks, size(model.transformer) - sum(blocks), size(model.vae), conditions)


def estimate(request: Request) -> tuple[int, int]:
    """Bytes of memory and of disk that a build needs.

    Memory: the reference in fp32 beside a session (its file and its packed copy), or a compiler's 3x its weights; by
    blocks what tracing the largest part takes (measured by tests/export/traced_memory.py). Disk: the graph, fp8's
    calibration copy and second graph, the engine.
    """
    config = config_of(request.model)
    whole = weight_bytes(config)
    stored = whole * _BYTES[request.precision] // 4
    graph = whole // 2 if request.precision == "fp8" else stored
    disk = graph + (graph + stored if request.precision == "fp8" else 0)
    if by_blocks(request):
        part = largest_part(config)
        memory, compiled = whole + TRACED * part, 3 * part
    else:
        memory, compiled = whole + 2 * graph, 3 * stored
    if request.backend != "ort":
        memory, disk = max(memory, compiled), disk + stored
    return memory + (1 << 30), disk + (64 << 20)


def needs(request: Request) -> str:
    memory, disk = estimate(request)
    return f"needs about {memory / 2**30:.1f} GiB of memory and {disk / 2**30:.1f} GiB of disk"


def _check_room(request: Request) -> None:
    memory, disk = estimate(request)
    there, total = psutil.virtual_memory().available, psutil.virtual_memory().total
    if memory > total:
        raise UserError(
            f"the build needs about {memory / 2**30:.0f} GiB of memory and this machine has {total / 2**30:.0f} "
            f"({there / 2**30:.0f} free); build on a larger one"
        )
    folder = next(parent for parent in request.out.absolute().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    if disk > free:
        raise UserError(f"the build needs about {disk / 2**30:.0f} GiB on {folder}, where {free / 2**30:.0f} are free")
