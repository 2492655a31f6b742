"""The network: frozen Flux, VAE and SigLIP, steered by PGA, PCM, coupler and conditioner."""

from engine.model.build import build
from engine.model.config import VARIANTS, LumaFluxConfig, Variant
from engine.model.lumaflux import Conditions, Decoded, LumaFlux

__all__ = ["VARIANTS", "Conditions", "Decoded", "LumaFlux", "LumaFluxConfig", "Variant", "build"]
