"""How far each block of a backbone in bf16 or fp8 is from the same block in float32.

``python -m lumaflux.lab.bench.block_reference FOLDER [--precision bf16] [--backbone PATH] [--adapters FILE]
[--frame 256x144]`` loads a model (a release's folder, or a name as ``--model`` takes it) in that precision and brings
its blocks to float32 one at a time, so that the whole never stands in memory twice. It prints, of each block, the error
of what it adds, relative to what it adds: for the same input, and in a chain of float32 blocks, where errors add up.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lumaflux.arguments import size
from lumaflux.backends.cuda_graphs import tensors_of, with_tensors
from lumaflux.backends.device import FP8, pick_device
from lumaflux.endings import told
from lumaflux.errors import UserError
from lumaflux.inference.backbones import backbone_of
from lumaflux.inference.load import load_network, published_config
from lumaflux.model.conditioner import modulation
from lumaflux.model.latents import pack
from lumaflux.model.lumaflux import steered
from lumaflux.model.presets import HUB_BACKBONES
from lumaflux.model.pretrained import BlockReader, Placement

TIME = 0.5  # of the flow, at which blocks are compared
_PRECISIONS = ("bf16", FP8)


@dataclass(frozen=True, kw_only=True)
class BlockError:
    """Relative errors of block ``index``: of what it adds to image tokens, ``alone`` and at the end of the ``chain``
    up to it."""

    index: int
    alone: float
    chain: float


def block_errors(
    name: str, sdr: Tensor, *, precision: str, backbone: Path | None, adapters: Path | None, device: torch.device
) -> Iterator[BlockError]:
    """Of every block in order, for SDR [1,3,H,W]. Raises UserError for a model that is no published backbone."""
    config = published_config(name)
    if config is None or precision not in _PRECISIONS:
        raise UserError(f"{name} in {precision} has no reference by block; name a FLUX release, and bf16 or fp8")
    fp8 = precision == FP8
    placement = Placement(device=device, dtype=torch.bfloat16, vae_dtype=torch.float32, fp8=fp8)
    network = load_network(name, adapters=adapters, backbone=backbone, placement=placement)
    exact = network.adapters.blocks.float().state_dict()
    exact = {key: value.clone() for key, value in exact.items()}
    network.cast(torch.bfloat16, torch.float32).to(device).eval()
    folder = None if name in HUB_BACKBONES else Path(name)
    reader = BlockReader(network.config, *backbone_of(name, backbone or folder), device)
    seen = network.condition(sdr)
    t, z = torch.tensor([TIME], device=device), network.encode(network.start(sdr))
    hidden, context, temb = network.begun(pack(z), t, seen.context, seen.pooled)
    psi, chained = network.psi(t), (hidden.float(), context.float())
    for index in range(network.config.blocks):
        given: dict[str, Any] = {
            "seen": seen.blocks[index],
            "row": modulation(psi, index),
            "modulated": network._modulated_by(index, temb),
            "rotary": seen.rotary,
            "key_bias": None,
        }
        made = steered(network.adapters.of_block(index), network.transformer_block(index), hidden, context, **given)
        own = network.adapters.of_block(index)
        rounded = {key: value.clone() for key, value in own.state_dict().items()}
        own.float().load_state_dict(
            {key.removeprefix(f"{index}."): v for key, v in exact.items() if key.startswith(f"{index}.")}
        )
        block, full = reader.block(index), {key: _exact(value) for key, value in given.items()}
        reference = steered(own, block, hidden.float(), context.float(), **full)[0]
        before, chained = chained[0], steered(own, block, *chained, **full)
        own.to(torch.bfloat16).load_state_dict(rounded)
        yield BlockError(
            index=index,
            alone=_relative(made[0].float() - reference, reference - hidden.float()),
            chain=_relative(made[0].float() - chained[0], chained[0] - before),
        )
        hidden, context = made


def _exact(value: Any) -> Any:
    """The same with every tensor in float32."""
    if isinstance(value, dict):
        return {key: _exact(part) for key, part in value.items()}
    return with_tensors(value, iter([tensor.float() for tensor in tensors_of(value)]))


def _relative(error: Tensor, whole: Tensor) -> float:
    return float(error.norm() / whole.norm())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.bench.block_reference", description=__doc__)
    parser.add_argument("model", help="a release's folder, or a model's name")
    parser.add_argument("--precision", choices=_PRECISIONS, default="bf16")
    parser.add_argument("--backbone", type=Path)
    parser.add_argument("--adapters", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--frame", type=size(16), default="256x144", help="a random frame's size, multiples of 16")
    asked = parser.parse_args()
    width, height = asked.frame
    device = pick_device(asked.device)
    sdr = torch.from_numpy(np.random.default_rng(0).random((1, 3, height, width), dtype=np.float32)).to(device)
    print("| block | alone | in the chain |\n|---|---|---|")
    with torch.inference_mode():
        errors = block_errors(
            asked.model,
            sdr,
            precision=asked.precision,
            backbone=asked.backbone,
            adapters=asked.adapters,
            device=device,
        )
        for error in errors:
            print(f"| {error.index} | {error.alone:.2g} | {error.chain:.2g} |", flush=True)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
