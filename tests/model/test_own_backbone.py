"""The small backbone's own modules have the keys and the bits of those that diffusers and transformers publish."""

import subprocess
import sys

import pytest
import torch

from lumaflux.errors import UserError
from lumaflux.model.flux_transformer import FluxTransformer, RotaryPositions
from lumaflux.model.latents import position_ids
from lumaflux.model.mobilenet import MobileNetV2
from lumaflux.model.tower import build_tower

SHAPE = {
    "in_channels": 16,
    "num_layers": 1,
    "num_single_layers": 2,
    "attention_head_dim": 32,  # the rotation's bits are those of whole vectors of complex numbers
    "num_attention_heads": 2,
    "joint_attention_dim": 12,
    "pooled_projection_dim": 6,
    "axes_dims_rope": (8, 12, 12),
}


@pytest.mark.parametrize("guided", [False, True])
def test_the_transformer_gives_the_bits_of_diffusers(guided: bool):
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    torch.manual_seed(0)
    theirs = FluxTransformer2DModel(**SHAPE, guidance_embeds=guided).eval()
    ours = FluxTransformer(**SHAPE, guidance_embeds=guided).eval()
    assert set(ours.state_dict()) == set(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    ids, time, guidance = position_ids(3, (2, 4), torch.device("cpu")), torch.tensor([0.3, 0.9]), torch.ones(2)
    tokens, context, pooled = torch.randn(2, 8, 16), torch.randn(2, 3, 12), torch.randn(2, 6)
    with torch.no_grad():
        expected = theirs(
            hidden_states=tokens,
            encoder_hidden_states=context,
            pooled_projections=pooled,
            timestep=time,
            guidance=guidance if guided else None,
            txt_ids=ids[:3],
            img_ids=ids[3:],
            return_dict=False,
        )[0]
        temb = ours.time_text_embed(1000 * time, *([1000 * guidance] if guided else []), pooled)
        hidden, told, rotary = ours.x_embedder(tokens), ours.context_embedder(context), ours.pos_embed(ids)
        for block in (*ours.transformer_blocks, *ours.single_transformer_blocks):
            told, hidden = block(hidden, told, temb, rotary)
        assert torch.equal(ours.proj_out(ours.norm_out(hidden, temb)), expected)


def test_positions_are_those_of_diffusers():
    from diffusers.models.transformers.transformer_flux import FluxPosEmbed

    ids = position_ids(5, (7, 9), torch.device("cpu"))
    theirs = FluxPosEmbed(theta=10000, axes_dim=[8, 12, 12])(ids)
    assert all(torch.equal(a, b) for a, b in zip(RotaryPositions([8, 12, 12])(ids), theirs, strict=True))


@pytest.mark.parametrize("side", [64, 75])
def test_the_tower_gives_the_bits_of_transformers(side: int):
    from transformers import MobileNetV2Config, MobileNetV2Model

    torch.manual_seed(0)
    theirs = MobileNetV2Model(MobileNetV2Config(), add_pooling_layer=False).eval()
    ours = MobileNetV2().eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    picture = 2 * torch.rand(1, 3, side, side) - 1
    with torch.no_grad():
        assert torch.equal(ours(picture).last_hidden_state, theirs(picture).last_hidden_state)


def test_an_entry_that_the_tower_has_not_is_refused():
    with pytest.raises(UserError, match="no depth_multiplier"):
        build_tower({"architecture": "mobilenet-v2", "hidden_size": 1280, "image_size": 64, "depth_multiplier": 0.5})


def test_lite_is_loaded_without_diffusers_and_transformers():
    heavy = ("diffusers", "transformers", "accelerate", "torchvision", "onnxruntime")
    script = f"import sys, lumaflux; lumaflux.load('lite'); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
