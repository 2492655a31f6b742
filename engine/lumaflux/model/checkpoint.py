"""Model files: config.json, backbone.safetensors (frozen) and adapters.safetensors (what trains).

Own adapter files carry a metadata header: format, version, configuration, base model, training summary, licence.
Weights are read from safetensors only.
"""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lumaflux.errors import UserError
from lumaflux.model.build import build_for_weights
from lumaflux.model.config import LumaFluxConfig, read_config
from lumaflux.model.lumaflux import Adapters, LumaFlux
from lumaflux.model.presets import PRESETS
from lumaflux.model.published import from_published, is_published, to_published
from lumaflux.model.regular_file import check_regular
from lumaflux.model.weight_files import is_lora

FORMAT = "lumaflux-adapters"
VERSION = "1"
_FROZEN = ("transformer", "vae", "siglip")
_TONE, _EARLIER_TONE = "tone_predictor.", "anchor."  # the latter: how files of the first models name it


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file; raises UserError when it is missing or corrupt."""
    check_regular(path)
    try:
        with safe_open(path, "pt") as file:
            keys = file.keys()
            return {key: file.get_tensor(key) for key in keys}, dict(file.metadata() or {})
    except FileNotFoundError:
        raise UserError(f"the weights file {path} is missing") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is not a readable safetensors file ({error}); fetch it again") from None


def load_model(directory: Path) -> LumaFlux:
    """A model from its directory: config.json, backbone.safetensors, adapters.safetensors (own or published)."""
    config = read_config(directory / "config.json")
    model = build_for_weights(config)
    load_backbone(model, directory / "backbone.safetensors")
    load_adapters(model, directory / "adapters.safetensors")
    return model


def load_backbone(model: LumaFlux, path: Path) -> None:
    tensors, _ = read_tensors(path)
    for part in _FROZEN:
        module = getattr(model, part)
        prefix = f"{part}."
        own = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if part == "siglip":
            own = _siglip_keys(own, module)
        _assign(module, own, f"{path} ({part})")


def load_adapters(model: LumaFlux, path: Path, *, keep_tone: bool = False) -> dict[str, str]:
    """Loads an adapter file, the project's own or the published one; returns its metadata.

    ``keep_tone``: the model's own tone predictor stays, whatever the file holds of one.
    """
    tensors, metadata = read_tensors(path)
    if is_lora(set(tensors)):
        raise UserError(f"{path} is a LoRA for pictures from prompts, not LumaFlux adapters; name an adapter file")
    if is_published(set(tensors)):
        tensors = from_published(tensors, model.config.double_blocks)
    elif metadata.get("format") not in (FORMAT, None):
        raise UserError(f"{path} is a '{metadata['format']}' file, not LumaFlux adapters")
    elif metadata.get("version", VERSION) != VERSION:
        raise UserError(f"{path} has adapter format version {metadata['version']}; this LumaFlux reads {VERSION}")
    tensors = current_keys(tensors)
    _fit(model, tensors)
    if keep_tone:
        own = model.adapters.state_dict()
        tensors = {key: value for key, value in tensors.items() if not key.startswith(_TONE)}
        tensors |= {key: value for key, value in own.items() if key.startswith(_TONE)}
    _assign(model.adapters, tensors, str(path))
    return metadata


def current_keys(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """``tensors`` under the names that parts have now, whenever their file was written."""
    return {
        _TONE + key.removeprefix(_EARLIER_TONE) if key.startswith(_EARLIER_TONE) else key: value
        for key, value in tensors.items()
    }


def _fit(model: LumaFlux, tensors: dict[str, Tensor]) -> None:
    """Gives the model adapters of the file's rank and parts, where those differ from its configuration's."""
    config = fitting(model.config, tensors)
    if config != model.config:
        like = next(model.adapters.parameters())
        model.config, model.adapters = config, Adapters(config).to(like.device)


def fitting(config: LumaFluxConfig, tensors: dict[str, Tensor]) -> LumaFluxConfig:
    """``config`` with the rank of an adapter file's value update, and without PCM or coupler where it has none."""
    down = tensors.get("blocks.0.pga.down.weight")
    if down is None or down.ndim != 2:
        return config
    there = {part: any(f".{part}." in key for key in tensors) for part in ("pcm", "coupler")}
    variant = replace(config.variant, **{part: found for part, found in there.items() if not found})
    return replace(config, rank=len(down), variant=variant)


def _siglip_keys(tensors: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """transformers has stored the tower with and without the prefix ``vision_model.``; accept both."""
    wanted = next(iter(module.state_dict()))
    prefix = "vision_model."
    if wanted.startswith(prefix):
        return {key if key.startswith(prefix) else prefix + key: value for key, value in tensors.items()}
    return {key.removeprefix(prefix): value for key, value in tensors.items()}


def _assign(module: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    _check(module.state_dict(), tensors, where)
    module.load_state_dict(tensors)


def _check(expected: dict[str, Tensor], tensors: dict[str, Tensor], where: str) -> None:
    if missing := sorted(set(expected) - set(tensors)):
        raise UserError(f"{where} lacks {len(missing)} weights that the configuration needs, such as '{missing[0]}'")
    if unknown := sorted(set(tensors) - set(expected)):
        raise UserError(f"{where} has {len(unknown)} weights unknown to the configuration, such as '{unknown[0]}'")
    for key, tensor in tensors.items():
        if tensor.shape != expected[key].shape:
            raise UserError(
                f"{where}: '{key}' has shape {tuple(tensor.shape)}, the configuration needs "
                f"{tuple(expected[key].shape)}"
            )
        if not torch.isfinite(tensor).all():
            raise UserError(f"{where}: '{key}' holds NaN or infinite values; the file is damaged")


def save_adapters(
    model: LumaFlux,
    path: Path,
    *,
    base_model: str,
    training: dict | None = None,
    licence: str = "Apache-2.0",
    base: Mapping[str, str] | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Writes the project's own adapter file beside its target and renames it.

    ``base``: of the base model ``repository``, ``revision`` and ``licence``, where they are known.
    """
    header = _header(model.config, base_model, training or {}, licence)
    header |= {f"base_{name}": text for name, text in (base or {}).items()}
    write_tensors(_stored(model.adapters.state_dict(), dtype), path, header)


def _header(config: LumaFluxConfig, base_model: str, training: dict, licence: str) -> dict[str, str]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "config": json.dumps(config.to_json()),
        "base_model": base_model,
        "training": json.dumps(training),
        "licence": licence,
    }


def save_published_adapters(model: LumaFlux, path: Path) -> None:
    """Writes the adapters under the published key names."""
    write_tensors(to_published(_stored(model.adapters.state_dict(), torch.float32), model.config.double_blocks), path)


def save_model(
    model: LumaFlux,
    directory: Path,
    *,
    base_model: str,
    training: dict | None = None,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Writes a whole model directory; weights stored as ``dtype``."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(model.config.to_json(), indent=1) + "\n")
    backbone = {
        f"{part}.{key}": tensor for part in _FROZEN for key, tensor in getattr(model, part).state_dict().items()
    }
    write_tensors(_stored(backbone, dtype), directory / "backbone.safetensors", {"base_model": base_model})
    save_adapters(model, directory / "adapters.safetensors", base_model=base_model, training=training, dtype=dtype)


def _stored(tensors: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    return {
        key: value.detach().cpu().to(dtype if value.is_floating_point() else value.dtype).contiguous()
        for key, value in tensors.items()
    }


def write_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Whole or not at all, with the mode that any file of this process gets: safetensors makes its own of 0600."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        temporary.touch()
        mode = stat.S_IMODE(temporary.stat().st_mode)
        save_file(tensors, temporary, metadata)
        temporary.chmod(mode)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def convert_adapters(source: Path, target: Path, model: str) -> None:
    """Published adapter file -> the project's own format, or back, for a configuration's name or directory."""
    config = PRESETS[model] if model in PRESETS else read_config(Path(model) / "config.json")
    tensors, metadata = read_tensors(source)
    published = is_published(set(tensors))
    own = from_published(tensors, config.double_blocks) if published else current_keys(tensors)
    config = fitting(config, own)
    with torch.device("meta"):
        expected = Adapters(config)
    _check(expected.state_dict(), own, str(source))
    if published:
        write_tensors(own, target, _header(config, model, json.loads(metadata.get("training", "{}")), "as published"))
    else:
        write_tensors(to_published(own, config.double_blocks), target)
