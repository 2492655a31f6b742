"""A configuration of FLUX.2 klein's structure, small enough for tests."""

from dataclasses import replace

from lumaflux.model.presets import FLUX2_KLEIN, TINY_FLUX

SMALL = replace(
    TINY_FLUX,
    name="flux2-klein",
    transformer={
        **FLUX2_KLEIN.transformer,
        "in_channels": 16,
        "num_layers": 1,
        "num_single_layers": 2,
        "attention_head_dim": 16,
        "num_attention_heads": 2,
        "joint_attention_dim": 32,
        "axes_dims_rope": [4, 4, 4, 4],
    },
    vae={
        **FLUX2_KLEIN.vae,
        "block_out_channels": [8, 8, 8, 8],
        "layers_per_block": 1,
        "latent_channels": 4,
        "norm_num_groups": 4,
        "sample_size": 64,
    },
)
