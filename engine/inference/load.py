"""Loads a converter by model name or directory."""

from pathlib import Path

from engine.backends.torch import TorchBackend
from engine.errors import UserError
from engine.inference.converter import Converter
from engine.model.build import build, build_on_pretrained
from engine.model.checkpoint import load_adapters, load_model
from engine.model.presets import HUB_BACKBONES, PRESETS

LITE = Path(__file__).parents[1] / "weights" / "lite"


def load(
    name_or_directory: str | Path = "lite",
    *,
    device: str | None = None,
    dtype: str | None = None,
    adapters: str | Path | None = None,
    backbone: str | Path | None = None,
    offline: bool = False,
) -> Converter:
    """Loads ``lite``, ``tiny``, ``flux-dev``, ``flux-schnell`` or a model directory.

    ``adapters``: an adapter file (own or published layout) loaded over the model's own. ``backbone``: the local
    directory of a FLUX.1 release, with SigLIP in its ``siglip/``; without it the hub's name is used (the local
    cache only when ``offline``). ``device`` as torch names it, ``dtype`` one of fp32, bf16, fp16.
    Raises UserError for an unknown model, missing or damaged weights, or an unavailable device.
    """
    name = str(name_or_directory)
    if name == "lite":
        model = load_model(LITE)
    elif name in HUB_BACKBONES:
        if adapters is None:
            raise UserError(f"{name} needs an adapter file; name it with --adapters FILE")
        model = build_on_pretrained(PRESETS[name], Path(backbone) if backbone else None, offline=offline)
    elif name in PRESETS:
        model = build(PRESETS[name], seed=0)
    elif Path(name).is_dir():
        model = load_model(Path(name))
    else:
        choices = ", ".join(["lite", *PRESETS])
        raise UserError(f"unknown model '{name}'; choose one of {choices}, or name a model directory")
    if adapters is not None:
        load_adapters(model, Path(adapters))
    return Converter(TorchBackend(model, device, dtype))
