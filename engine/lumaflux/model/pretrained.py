"""Models on published frozen parts: FLUX.1 and SigLIP from diffusers' folders or original single files."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lumaflux.errors import UserError
from lumaflux.model.attention import steer
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.flux2 import steer_flux2
from lumaflux.model.fp8_linear import blocks_of, quantize_blocks
from lumaflux.model.lumaflux import Adapters, LumaFlux
from lumaflux.model.original_names import Names, is_original, transformer_names, vae_names
from lumaflux.model.weight_files import Stored, contents, is_lora, shards
from lumaflux.model.weight_streaming import SCALES, Place, stream_weights
from lumaflux.torch_import import import_meta_kernels

_VAE_FILES = ("ae.safetensors", "vae.safetensors", "flux2-vae.safetensors")
_SINGLE_PREFIXES = ("model.diffusion_model.", "")  # of a transformer in a file: with other parts, or alone
_VAE_PREFIX = "vae."
_TOWER_PREFIX = "vision_model."
_CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the frozen parts go as they are read, and in which types.

    ``resident``: so many of the transformer's blocks stay on ``device``, the first ones; the others are kept on the
    host (None: all stay). ``fp8``: the blocks' matrices in eight bits (lumaflux.model.fp8_linear).
    """

    device: torch.device = field(default_factory=lambda: _CPU)
    dtype: torch.dtype = torch.float32
    vae_dtype: torch.dtype | None = None  # dtype if None
    fp8: bool = False
    scaled: bool = False  # products of these matrices in eight bits, too
    resident: int | None = None


def build_on_pretrained(
    config: LumaFluxConfig,
    backbone: Path,
    siglip: Path | None = None,
    *,
    placement: Placement | None = None,
) -> LumaFlux:
    """Published frozen parts below fresh adapters (float32, on the CPU).

    ``backbone``: a folder with ``transformer/`` and ``vae/`` as diffusers writes them; or one with an original single
    file and ``ae.safetensors``; or that single file, with the autoencoder in it or beside it. ``siglip``: the folder of
    the tower, ``siglip/`` beside the others if None. Raises UserError for what is missing, not whole or another's.
    """
    return LumaFlux(config, *frozen_parts(config, backbone, siglip, placement=placement), Adapters(config))


def frozen_parts(
    config: LumaFluxConfig, backbone: Path, siglip: Path | None = None, *, placement: Placement | None = None
) -> tuple[Any, Any, Any]:
    """Transformer, autoencoder and tower with their weights, as ``build_on_pretrained`` takes them."""
    placement = placement or Placement()
    transformer_files, vae_files, tower_folder = _found(config, backbone, siglip)
    transformer, vae, tower = empty_parts(config)
    if placement.fp8:
        quantize_blocks(transformer, scaled=placement.scaled)
    _fill_transformer(transformer, transformer_files, _place_of(transformer, placement), config)
    vae_dtype = placement.vae_dtype or placement.dtype
    _fill_vae(
        vae, vae_files, lambda name: (placement.device, torch.float32 if name.startswith("bn.") else vae_dtype)
    )  # FLUX.2's statistics of latents
    _fill_tower(tower, tower_folder, lambda _: (placement.device, placement.dtype))
    return transformer, vae, tower


def empty_parts(config: LumaFluxConfig) -> tuple[Any, Any, Any]:
    """Transformer, autoencoder and tower whose weights have no memory yet; what files do not hold is there."""
    from accelerate import init_empty_weights

    from lumaflux.model.autoencoder import build_autoencoder
    from lumaflux.model.build import build_transformer
    from lumaflux.model.tower import build_tower

    import_meta_kernels()
    with init_empty_weights(include_buffers=False):
        return build_transformer(config), build_autoencoder(config.vae), build_tower(config.siglip)


def _place_of(transformer: nn.Module, placement: Placement) -> Place:
    if placement.resident is None:
        return lambda _: (placement.device, placement.dtype)
    blocks = list(blocks_of(transformer))
    away = {id(block) for block in blocks[placement.resident :]}
    prefixes = tuple(f"{name}." for name, module in transformer.named_modules() if id(module) in away)
    return lambda name: (_CPU if name.startswith(prefixes) else placement.device, placement.dtype)


def _found(config: LumaFluxConfig, backbone: Path, siglip: Path | None) -> tuple[list[Path], list[Path], Path]:
    """Files of the transformer and of the autoencoder, and the tower's folder."""
    if not backbone.exists():
        raise UserError(f"the backbone {backbone} is missing; name the folder or file of {config.name}'s weights")
    folder = backbone if backbone.is_dir() else backbone.parent
    tower = siglip or folder / "siglip"
    if not tower.is_dir():
        raise UserError(
            f"{tower} is missing: the SigLIP tower, whose folder holds model.safetensors; "
            "`lumaflux models get siglip` fetches it"
        )
    if backbone.is_file():
        return [backbone], _vae_beside(folder) or [backbone], tower
    if (folder / "transformer").is_dir():
        if not (folder / "vae").is_dir():
            raise UserError(f"{folder} has a transformer/ but no vae/; fetch the autoencoder too")
        return shards(folder / "transformer"), shards(folder / "vae"), tower
    single = [path for path in sorted(folder.glob("*.safetensors")) if path.name not in _VAE_FILES]
    if len(single) != 1:
        raise UserError(
            f"{folder} has no transformer/ and {len(single)} single files besides the autoencoder; "
            "name one file of them, or a folder with transformer/ and vae/"
        )
    return single, _vae_beside(folder) or single, tower


def _vae_beside(folder: Path) -> list[Path]:
    return [path for name in _VAE_FILES if (path := folder / name).exists()][:1]


def _fill_transformer(transformer: nn.Module, files: list[Path], place: Place, config: LumaFluxConfig) -> None:
    where, found, prefix, names = _named(files, config)
    _refuse_other_release(set(found), config, where)
    stream_weights(transformer, found, place, where, names=names, prefix=prefix)


def _named(files: list[Path], config: LumaFluxConfig) -> tuple[str, dict[str, Stored], str, Names | None]:
    """Where a transformer's weights lie, what they are by the files' keys, what the files have before those, and how
    they are called in the module, if not the same."""
    where = str(files[0] if len(files) == 1 else files[0].parent)
    prefix, found = "", contents(files)
    for prefix in _SINGLE_PREFIXES:
        if inside := {key.removeprefix(prefix): each for key, each in found.items() if key.startswith(prefix)}:
            found = inside
            break
    return where, found, prefix, transformer_names(second=config.second_generation) if is_original(set(found)) else None


class BlockReader:
    """The transformer's blocks one at a time, as the files hold them, in float32 on ``device``."""

    def __init__(self, config: LumaFluxConfig, backbone: Path, siglip: Path | None, device: torch.device):
        self._transformer = empty_parts(config)[0]
        (steer_flux2 if config.second_generation else steer)(self._transformer)
        self._device = device
        self._where, found, self._prefix, names = _named(_found(config, backbone, siglip)[0], config)
        self._found, self._names = found, names or (lambda key: (key,))

    def block(self, index: int) -> nn.Module:
        """A block in the order of their evaluation. Raises UserError as ``build_on_pretrained``."""
        empty = list(blocks_of(self._transformer))[index]
        path = next(name for name, module in self._transformer.named_modules() if module is empty) + "."
        block = copy.deepcopy(empty)
        inside = {key: each for key, each in self._found.items() if self._of_block(key, path)}
        stream_weights(
            block,
            inside,
            lambda _: (self._device, torch.float32),
            self._where,
            names=lambda key: tuple(target.removeprefix(path) for target in self._names(key)),
            prefix=self._prefix,
        )
        return block.requires_grad_(False).eval()

    def _of_block(self, key: str, path: str) -> bool:
        for end in SCALES:  # a scale belongs to the matrix beside it
            key = key.removesuffix(end) + ".weight" if key.endswith(end) else key
        return all(target.startswith(path) for target in self._names(key) or ("",))


def _refuse_other_release(keys: set[str], config: LumaFluxConfig, where: str) -> None:
    """FLUX.1-dev and schnell differ in a few weights alone, which says more than a key that is unknown."""
    guided = any("guidance_in." in key or "guidance_embedder." in key for key in keys)
    asked = bool(config.transformer.get("guidance_embeds"))
    if not is_lora(keys) and guided != asked:
        has, other = ("has", "flux-dev") if guided else ("has not", "flux-schnell")
        raise UserError(
            f"{where} {has} the guidance embedding, so it is not {config.name}'s transformer; is it {other}'s, "
            "or another revision?"
        )


def _fill_vae(vae: nn.Module, files: list[Path], place: Place) -> None:
    where = str(files[0] if len(files) == 1 else files[0].parent)
    found, prefix = contents(files), ""
    if any(key.startswith(_VAE_PREFIX) for key in found):
        prefix, found = _VAE_PREFIX, contents(files, _VAE_PREFIX)
    names: Names | None = None
    if not any(key.startswith("encoder.") for key in found):
        raise UserError(f"{where} holds no autoencoder; put ae.safetensors beside the transformer's file")
    if any(key.startswith("encoder.down.") for key in found):
        names = vae_names(len(vae.config["block_out_channels"]))  # pyright: ignore
    # it counts the batches of its training, which nothing reads
    found = {key: stored for key, stored in found.items() if not key.endswith("num_batches_tracked")}
    _settle(vae, "num_batches_tracked")
    stream_weights(vae, found, place, where, names=names, prefix=prefix)


def _settle(module: nn.Module, buffer: str) -> None:
    for child in module.modules():
        if buffer in child._buffers:
            child._non_persistent_buffers_set.add(buffer)


def _fill_tower(tower: nn.Module, folder: Path, place: Place) -> None:
    """Of a whole SigLIP the vision tower alone; its keys have had a prefix and had none."""
    found = contents(shards(folder))
    wanted = next(iter(tower.state_dict())).startswith(_TOWER_PREFIX)
    prefixed = any(key.startswith(_TOWER_PREFIX) for key in found)
    if not prefixed:
        inside, rename = found, (lambda key: _TOWER_PREFIX + key) if wanted else _same
    else:
        inside = {key: stored for key, stored in found.items() if key.startswith(_TOWER_PREFIX)}
        rename = _same if wanted else _unprefixed
    names: Callable[[str], tuple[str, ...]] = lambda key: (rename(key),)  # noqa: E731
    stream_weights(tower, inside, place, str(folder), names=names)


def _same(key: str) -> str:
    return key


def _unprefixed(key: str) -> str:
    return key.removeprefix(_TOWER_PREFIX)
