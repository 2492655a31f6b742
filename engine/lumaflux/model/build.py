"""Builds models that are random, from a configuration."""

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from lumaflux.model.autoencoder import build_autoencoder
from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.flux2 import build_flux2
from lumaflux.model.flux_transformer import FluxTransformer
from lumaflux.model.frozen_shapes import is_mobilenet, is_tiny
from lumaflux.model.lumaflux import Adapters, LumaFlux
from lumaflux.model.tower import build_tower


def build(config: LumaFluxConfig, seed: int | None = None) -> LumaFlux:
    """A randomly initialised model; the same ``seed`` gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        return _of_parts(config)


def build_for_weights(config: LumaFluxConfig) -> LumaFlux:
    """A model whose every weight is to be loaded: nothing is drawn for layers that come from ``torch.nn``, which is a
    quarter of the time that a model takes to load."""
    with torch.random.fork_rng(devices=[]), _Undrawn():
        return _of_parts(config)


def _of_parts(config: LumaFluxConfig) -> LumaFlux:
    return LumaFlux(
        config,
        build_transformer(config),
        build_autoencoder(config.vae),
        build_tower(config.siglip),
        Adapters(config),
    )


class _Undrawn(TorchFunctionMode):
    """Leaves tensors as they are that ``torch.nn.init`` would draw numbers for."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)


def build_transformer(config: LumaFluxConfig) -> Any:
    """diffusers' where another part of it is asked for anyway; without it a model loads in a fraction of the time."""
    if config.second_generation:
        return build_flux2(config.transformer)
    if is_tiny(config.vae) and is_mobilenet(config.siglip):
        return FluxTransformer(**config.transformer)
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    return FluxTransformer2DModel(**config.transformer)
