"""One load of frozen parts, here or by diffusers and transformers themselves, with its cost to this process.

All that either way imports is imported with this module, so that a process that begins with it measures loads alone.
"""

import time
from pathlib import Path
from typing import Any, NamedTuple

import diffusers.utils.logging
import psutil
import torch
import transformers.utils.logging
from diffusers import AutoencoderKL, AutoencoderKLFlux2, Flux2Transformer2DModel, FluxTransformer2DModel
from transformers import SiglipVisionModel

from lumaflux.lab.bench.machine import peak_resident_mb
from lumaflux.model.config import LumaFluxConfig, read_config
from lumaflux.model.pretrained import Placement, empty_parts, frozen_parts

RELEASE, SINGLE = "release", "single"  # folders of the two layouts
FILE = "flux.safetensors"  # of the second, by the original names
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
_PAGE = 4096  # bytes


class Load(NamedTuple):
    """``seconds`` until every weight was read, ``processor`` seconds, ``peak`` and the weights' own size in bytes."""

    seconds: float
    processor: float
    peak: int
    bytes: int


def loaded(way: str, folder: Path, layout: str, precision: str) -> Load:
    """One load of ``ours`` or ``theirs`` in this process, which has imported what both need."""
    config = read_config(folder / RELEASE / "config.json")
    empty_parts(config)
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
    before, worked, begin = psutil.Process().memory_info().rss, time.process_time(), time.perf_counter()
    parts = (ours if way == "ours" else theirs)(config, folder, layout, DTYPES[precision])
    tensors = [tensor for part in parts for tensor in part.state_dict().values()]
    for tensor in tensors:
        tensor.reshape(-1).view(torch.uint8)[::_PAGE].sum()
    seconds, processor = time.perf_counter() - begin, time.process_time() - worked
    peak = int(peak_resident_mb() * 2**20) - before
    return Load(seconds, processor, peak, sum(tensor.nbytes for tensor in tensors))


def ours(config: LumaFluxConfig, folder: Path, layout: str, dtype: torch.dtype) -> tuple[Any, ...]:
    """Transformer, autoencoder and tower on the CPU, as LumaFlux loads them."""
    backbone = folder / SINGLE / FILE if layout == SINGLE else folder / RELEASE
    return frozen_parts(config, backbone, placement=Placement(dtype=dtype))


def theirs(config: LumaFluxConfig, folder: Path, layout: str, dtype: torch.dtype) -> tuple[Any, ...]:
    """The same, as diffusers and transformers do; of the single file the transformer alone, by its original names."""
    second, release = config.second_generation, folder / RELEASE
    transformer: Any = Flux2Transformer2DModel if second else FluxTransformer2DModel
    vae: Any = AutoencoderKLFlux2 if second else AutoencoderKL
    made = (
        transformer.from_single_file(
            str(folder / SINGLE / FILE), config=str(release), subfolder="transformer", torch_dtype=dtype
        )
        if layout == SINGLE
        else transformer.from_pretrained(release / "transformer", torch_dtype=dtype)
    )
    autoencoder = vae.from_pretrained(release / "vae", torch_dtype=dtype)
    return made, autoencoder, SiglipVisionModel.from_pretrained(release / "siglip", dtype=dtype)
