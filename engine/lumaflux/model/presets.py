"""The named configurations: FLUX.1-dev and schnell, FLUX.2 klein 4B, and tiny random models for tests."""

from dataclasses import replace

from lumaflux.model.config import LumaFluxConfig
from lumaflux.model.frozen_shapes import FLUX2, KL_FLUX2, MOBILENET, MOBILENET_WIDTH
from lumaflux.model.frozen_shapes import TINY as TINY_AUTOENCODER

_FLUX_TRANSFORMER = {
    "patch_size": 1,
    "in_channels": 64,
    "num_layers": 19,
    "num_single_layers": 38,
    "attention_head_dim": 128,
    "num_attention_heads": 24,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 768,
    "guidance_embeds": True,
    "axes_dims_rope": [16, 56, 56],
}
_KL_SHAPE = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "sample_size": 1024,
}  # of both releases' autoencoders
_FLUX_VAE = {
    **_KL_SHAPE,
    "latent_channels": 16,
    "scaling_factor": 0.3611,
    "shift_factor": 0.1159,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}
_SIGLIP_SO400M = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
}

FLUX_DEV = LumaFluxConfig(name="flux-dev", transformer=_FLUX_TRANSFORMER, vae=_FLUX_VAE, siglip=_SIGLIP_SO400M, steps=8)
FLUX_SCHNELL = LumaFluxConfig(
    name="flux-schnell",
    transformer={**_FLUX_TRANSFORMER, "guidance_embeds": False},
    vae=_FLUX_VAE,
    siglip=_SIGLIP_SO400M,
    steps=8,
)
# FLUX.2 klein 4B; the base model, before distillation, has the same shapes. Its own schedule has four steps.
_FLUX2_KLEIN = {
    "architecture": FLUX2,
    "patch_size": 1,
    "in_channels": 128,
    "num_layers": 5,
    "num_single_layers": 20,
    "attention_head_dim": 128,
    "num_attention_heads": 24,
    "joint_attention_dim": 7680,
    "mlp_ratio": 3.0,
    "axes_dims_rope": [32, 32, 32, 32],
    "rope_theta": 2000,
    "guidance_embeds": False,
}
_FLUX2_VAE = {
    **_KL_SHAPE,
    "architecture": KL_FLUX2,
    "latent_channels": 32,
}
FLUX2_KLEIN = LumaFluxConfig(
    name="flux2-klein", transformer=_FLUX2_KLEIN, vae=_FLUX2_VAE, siglip=_SIGLIP_SO400M, steps=4
)
FLUX2_KLEIN_BASE = LumaFluxConfig(
    name="flux2-klein-base", transformer=_FLUX2_KLEIN, vae=_FLUX2_VAE, siglip=_SIGLIP_SO400M, steps=8
)
TINY_FLUX = LumaFluxConfig(
    name="tiny-flux",
    transformer={
        **_FLUX_TRANSFORMER,
        "in_channels": 16,
        "num_layers": 1,
        "num_single_layers": 2,
        "attention_head_dim": 16,
        "num_attention_heads": 2,
        "joint_attention_dim": 32,
        "pooled_projection_dim": 16,
        "guidance_embeds": False,
        "axes_dims_rope": [4, 6, 6],
    },
    vae={
        **_FLUX_VAE,
        "block_out_channels": [8, 8, 8, 8],
        "layers_per_block": 1,
        "latent_channels": 4,
        "norm_num_groups": 4,
        "sample_size": 64,
        "scaling_factor": 1.0,
        "shift_factor": 0.0,
    },
    siglip={
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 16,
    },
    steps=2,
)

# The parts of the shipped model, small: it loads in a third of the time, for nothing imports diffusers or transformers.
TINY = replace(
    TINY_FLUX,
    name="tiny",
    vae={
        "architecture": TINY_AUTOENCODER,
        "latent_channels": 4,
        "channels": 8,
        "scaling_factor": 1.0,
        "shift_factor": 0.0,
    },
    siglip={"architecture": MOBILENET, "hidden_size": MOBILENET_WIDTH, "image_size": 32},
)

PRESETS = {config.name: config for config in (FLUX_DEV, FLUX_SCHNELL, FLUX2_KLEIN, FLUX2_KLEIN_BASE, TINY_FLUX, TINY)}

# Models whose frozen weights are published by others; lumaflux.store knows where.
HUB_BACKBONES = ("flux-dev", "flux-schnell", "flux2-klein", "flux2-klein-base")
