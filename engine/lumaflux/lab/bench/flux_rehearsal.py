"""A rehearsal of a published backbone: its exact shapes with few blocks and random weights.

``python -m lumaflux.lab.bench.flux_rehearsal FOLDER [--preset flux-dev] [--blocks 1+1] [--vram GIB] [--frame 256x144]``
writes a model directory as a release would be (transformer in shards, autoencoder, tower, published adapters), loads it
by a memory plan, and converts a frame twice, the second time by another load, as the next node of a farm does.
``FOLDER/rehearsal.json`` gets the figures: seconds, growth of resident memory by the load, and what all blocks cost, by
calculation.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from safetensors.torch import save_file

from lumaflux.arguments import size
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.inference.load import load
from lumaflux.model.autoencoder import build_autoencoder
from lumaflux.model.build import build_transformer
from lumaflux.model.checkpoint import write_tensors
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.footprint import flops_of, weights_of
from lumaflux.model.lumaflux import Adapters
from lumaflux.model.presets import PRESETS
from lumaflux.model.published import to_published
from lumaflux.model.tower import build_tower
from lumaflux.settings import Settings

_SHARD = 2 << 30  # bytes
_SCALE = 0.02  # deviation of random weights


def few_blocks(config: LumaFluxConfig, blocks: str) -> LumaFluxConfig:
    """``1+2``: one double-stream and two single-stream blocks. Raises UserError for what is no such pair."""
    try:
        double, single = (int(number) for number in blocks.split("+"))
    except ValueError:
        raise UserError(f"--blocks is '{blocks}'; write double-stream and single-stream blocks as 1+2") from None
    if min(double, single) < 1:
        raise UserError(f"--blocks is '{blocks}'; name at least one block of each kind")
    shape = {**config.transformer, "num_layers": double, "num_single_layers": single}
    return replace(config, transformer=shape, siglip={**config.siglip, "num_hidden_layers": 1})


def write_release(config: LumaFluxConfig, folder: Path, shard_bytes: int = _SHARD) -> int:
    """Random weights in bf16 as diffusers and transformers store them; bytes written.

    One weight is in memory at a time beside a shard.
    """
    generator = torch.Generator().manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config.to_json(), indent=1) + "\n", "utf-8")
    with torch.device("meta"):
        parts: dict[str, Any] = {
            "transformer": build_transformer(config),
            "vae": build_autoencoder(config.vae),
            "siglip": build_tower(config.siglip),
        }
        adapters = Adapters(config)
    written = 0
    for name, part in parts.items():
        stem = "model" if name == "siglip" else "diffusion_pytorch_model"
        written += _write_part(part.state_dict(), folder / name, stem, generator, shard_bytes)
        if name == "siglip" and hasattr(part, "config"):
            part.config.save_pretrained(folder / name)
        elif hasattr(part, "save_config"):
            part.save_config(folder / name)
    own = {key: _random(key, tensor, generator).float() for key, tensor in adapters.state_dict().items()}
    write_tensors(to_published(own, config.double_blocks), folder / "adapters.safetensors")
    return written


def _write_part(
    tensors: dict[str, torch.Tensor], folder: Path, stem: str, generator: torch.Generator, limit: int
) -> int:
    folder.mkdir(exist_ok=True)
    where, shard, size, written, count = {}, {}, 0, 0, 0
    last = list(tensors)[-1]
    for key, tensor in tensors.items():
        shard[key] = _random(key, tensor, generator)
        size += shard[key].nbytes
        if size >= limit or key == last:
            count += 1
            name = f"{stem}-{count:05d}.safetensors"
            save_file(shard, folder / name)
            where |= dict.fromkeys(shard, name)
            written, shard, size = written + size, {}, 0
    index = {"metadata": {"total_size": written}, "weight_map": where}
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index) + "\n", "utf-8")
    return written


def _random(key: str, tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    if not tensor.is_floating_point():
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    if key.endswith("running_var") or ("norm" in key and key.endswith("weight") and tensor.ndim == 1):
        return torch.ones(tensor.shape, dtype=torch.bfloat16)
    return (_SCALE * torch.randn(tensor.shape, generator=generator)).bfloat16()


def rehearse(
    folder: Path, config: LumaFluxConfig, whole: LumaFluxConfig, *, vram: str, size: tuple[int, int], steps: int = 1
) -> dict[str, Any]:
    """Load, convert, and the same by another load; the figures."""
    from lumaflux.inference.weights import rendering_identity
    from lumaflux.options import ModelOptions

    found: dict[str, Any] = {"written_bytes": write_release(config, folder / "release")}
    release = folder / "release"
    began, before = time.perf_counter(), _resident()
    converter = load(release, vram=vram, dtype="bf16")
    found |= {"load_seconds": round(time.perf_counter() - began, 2), "load_growth_bytes": _resident() - before}
    width, height = size
    frame = np.random.default_rng(0).random((3, height, width), dtype=np.float32)
    began = time.perf_counter()
    first = converter.render(frame, Settings(steps=steps))
    found["frame_seconds"] = round(time.perf_counter() - began, 2)
    second = load(release, vram=vram, dtype="bf16").render(frame, Settings(steps=steps))  # another node
    if not np.isfinite(first).all() or not np.array_equal(first, second):
        raise UserError("the second load did not give the same finite picture; the rehearsal failed")
    options = ModelOptions(model=str(release), vram=vram, precision="bf16")
    found["identity"] = rendering_identity(options)
    weights = weights_of(whole, torch.bfloat16, fp8=False, vae_dtype=torch.float32)
    total = sum(weights.blocks) + weights.rest + weights.vae + weights.tower + weights.adapters
    grid = (-(-height // whole.token_stride), -(-width // whole.token_stride))
    found |= {
        "whole_bytes_calculated": total,
        "whole_load_seconds_calculated": round(found["load_seconds"] * total / found["written_bytes"], 1),
        "whole_over_few_operations_calculated": round(flops_of(whole, grid) / flops_of(config, grid), 2),
    }
    (folder / "rehearsal.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return found


def _resident() -> int:
    return psutil.Process().memory_info().rss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", choices=list(PRESETS), default="flux-dev")
    parser.add_argument("--blocks", default="1+1")
    parser.add_argument("--vram", default="auto")
    parser.add_argument("--frame", type=size(16), default="256x144")
    asked = parser.parse_args()
    whole = PRESETS[asked.preset]
    config = few_blocks(whole, asked.blocks)
    for name, figure in rehearse(asked.folder, config, whole, vram=asked.vram, size=asked.frame).items():
        print(f"{name}: {figure}")


if __name__ == "__main__":
    with told("lumaflux"):
        main()
