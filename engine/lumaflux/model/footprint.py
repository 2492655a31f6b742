"""What a model takes of a device's memory, found on torch's meta device: real shapes, no numbers, on any machine.

Weights are counted. What is alive beside them is followed operation by operation, by the life of each storage; fused
attention is taken to hold its output alone. Libraries' workspaces and the allocator's fragments are not in it.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lumaflux.model.build import build
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.fp8_linear import blocks_of, quantize_blocks
from lumaflux.model.latents import pack
from lumaflux.model.lumaflux import Adapters
from lumaflux.model.pretrained import empty_parts
from lumaflux.torch_import import import_meta_kernels


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Bytes: of each transformer block in turn, of the rest of it, of the autoencoder, the tower and the adapters."""

    blocks: tuple[int, ...]
    rest: int
    vae: int
    tower: int
    adapters: int


def weights_of(config: LumaFluxConfig, dtype: torch.dtype, *, fp8: bool, vae_dtype: torch.dtype) -> Weights:
    """The network in ``dtype``, the blocks' matrices in eight bits with ``fp8``, the autoencoder in ``vae_dtype``."""
    few = _few(config)
    transformer, vae, _ = empty_parts(few)
    _, _, tower = empty_parts(replace(few, siglip=config.siglip))
    if fp8:
        quantize_blocks(transformer)
    with _meta_device():
        adapters = Adapters(few)
    double, single = (_bytes(block, dtype) for block in blocks_of(transformer))
    steering = [_bytes(block, dtype) for block in adapters.blocks]
    doubles, singles = config.double_blocks, config.blocks - config.double_blocks
    return Weights(
        blocks=(double,) * doubles + (single,) * singles,
        rest=_bytes(transformer, dtype) - double - single,
        vae=_bytes(vae, vae_dtype),
        tower=_bytes(tower, dtype),
        adapters=_bytes(adapters, dtype) - sum(steering) + doubles * steering[0] + singles * steering[1],
    )


def _meta_device() -> torch.device:
    import_meta_kernels()
    return torch.device("meta")


def _few(config: LumaFluxConfig) -> LumaFluxConfig:
    """The same widths with one block of each kind: all blocks of a kind are alike."""
    return replace(
        config,
        transformer={**config.transformer, "num_layers": 1, "num_single_layers": 1},
        siglip={**config.siglip, "num_hidden_layers": 1},
    )


def _bytes(module: nn.Module, dtype: torch.dtype) -> int:
    stored = [*module.parameters(), *module.buffers()]
    return sum(t.numel() * (dtype.itemsize if t.is_floating_point() else t.element_size()) for t in stored)


def velocity_peak(
    config: LumaFluxConfig, grid: tuple[int, int], dtype: torch.dtype, *, fp8: bool, frames: int = 1
) -> int:
    """Bytes beside the weights, with all conditions, of a batch of frames of ``grid`` (rows, columns) of tokens.

    One block of each kind is followed; conditions of the others, which all are alive, are added.
    """
    side = config.token_stride
    with _meta_device():
        model = build(_few(config))
        if fp8:
            quantize_blocks(model.transformer)
        model.cast(dtype)
        sdr = torch.empty(frames, 3, side * grid[0], side * grid[1])
        z = torch.empty(frames, config.latent_channels, 2 * grid[0], 2 * grid[1])
        t = torch.empty(frames)
    with torch.no_grad():
        seen = model.condition(sdr)
        per_block = sum(_size(leaf) for block in seen.blocks for leaf in _tensors(block)) / len(seen.blocks)
        psi = model.psi(t)
        tokens = pack(z)
        peak = peak_of(lambda: model.token_velocity(tokens, t, seen, psi))
    whole = sum(_size(leaf) for leaf in (seen.context, seen.rotary))
    return int(peak + whole + config.blocks * per_block + _size(sdr) + 4 * _size(z))


def _tensors(block: Any) -> list[Tensor]:
    return [t for t in (block.gate.physical, block.gate.spectral, block.film, block.bottlenecks) if t is not None]


def autoencoder_peak(
    config: LumaFluxConfig, grid: tuple[int, int], tile: int, dtype: torch.dtype, *, frames: int = 1
) -> int:
    """Bytes beside the weights of frames of ``grid`` tokens, both ways, in tiles of ``tile`` pixels a side."""
    from lumaflux.model.autoencoder import build_autoencoder, latents_of, pixels_of, set_tile

    side = config.token_stride
    with _meta_device():
        vae: Any = nn.Module.to(build_autoencoder(config.vae), dtype)  # diffusers' own `to` warns of nothing
        set_tile(vae, tile)
        pixels = torch.empty(frames, 3, side * grid[0], side * grid[1], dtype=dtype)
        latents = torch.empty(frames, config.latent_channels, 2 * grid[0], 2 * grid[1], dtype=dtype)
    with torch.no_grad():
        return max(peak_of(lambda: latents_of(vae, pixels)), peak_of(lambda: pixels_of(vae, latents))) + _size(pixels)


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def peak_of(work: Callable[[], Any]) -> int:
    """Peak bytes of the storages that ``work`` makes; those that were there before do not count."""
    with _FusedAttention(), _Alive() as alive:
        work()
    return alive.peak


class _Alive(TorchDispatchMode):
    """Adds what each operation allocates, and takes it away when its storage is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        before = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self._take(leaf.untyped_storage(), before)
        return made

    def _take(self, storage: torch.UntypedStorage, before: set[int]) -> None:
        key = storage._cdata
        if key in self._known or key in before:
            return
        self._known.add(key)
        size = storage.nbytes()
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


class _FusedAttention(TorchFunctionMode):
    """On a GPU attention does not hold its matrix; the meta device would."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is F.scaled_dot_product_attention:
            return torch.empty_like(args[0])
        return func(*args, **(kwargs or {}))


def flops_of(config: LumaFluxConfig, grid: tuple[int, int]) -> float:
    """Floating-point operations of one velocity: two for each weight of a block and token, and attention's."""
    transformer, _, _ = empty_parts(_few(config))
    tokens = grid[0] * grid[1] + config.null_tokens + config.siglip_tokens
    # a double-stream block has a set of weights for each of the two streams
    doubles = config.double_blocks * _per_token(transformer.transformer_blocks) / 2
    singles = (config.blocks - config.double_blocks) * _per_token(transformer.single_transformer_blocks)
    return 2 * (doubles + singles) * tokens + 4.0 * config.blocks * config.width * tokens**2


def _per_token(blocks: nn.Module) -> int:
    """Weights that every token passes: modulations, of which there is one a frame, are not among them."""
    return sum(weight.numel() for name, weight in blocks.named_parameters() if weight.ndim == 2 and "norm" not in name)
