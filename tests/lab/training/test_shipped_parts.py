"""Frozen parts come out of a model's files as they are."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from lumaflux.lab.training.adapters import silence_context
from lumaflux.lab.training.shipped_parts import take_parts
from lumaflux.lab.training.stage_weights import scaled_config
from lumaflux.model.build import build
from lumaflux.model.checkpoint import save_model
from lumaflux.model.presets import TINY_FLUX


def test_parts_of_a_model(tmp_path: Path):
    model = build(TINY_FLUX, seed=3)
    save_model(model, tmp_path / "model", base_model="tiny", dtype=torch.float32)
    take_parts(tmp_path / "model", tmp_path / "run")
    for name, module in (("vae/vae", model.vae), ("tower/siglip", model.siglip)):
        found = load_file(tmp_path / "run" / f"{name}.safetensors")
        assert all(torch.equal(value, found[key]) for key, value in module.state_dict().items())
    config = scaled_config(tmp_path / "model" / "config.json", tmp_path / "run")
    assert (config.latent_scale, config.latent_shift) == (TINY_FLUX.latent_scale, TINY_FLUX.latent_shift)


def test_a_silent_context_is_zero_for_any_frame():
    model = build(TINY_FLUX, seed=3)
    silence_context(model)
    conditions = model.condition(torch.rand(1, 3, 32, 32))
    assert not conditions.context.any()
    assert not conditions.pooled.any()
