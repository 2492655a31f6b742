"""FLUX.2 as a backbone: small random weights of klein's structure, and its exact shapes without numbers."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from small_klein import SMALL

from lumaflux.inference.memory_plan import GIB, plan_for
from lumaflux.model.autoencoder import latents_of, normalised, raw
from lumaflux.model.bare import BareTransformer, bare
from lumaflux.model.build import build, build_transformer
from lumaflux.model.config import config_from_json
from lumaflux.model.latents import pack, position_ids
from lumaflux.model.original_names import transformer_names
from lumaflux.model.presets import FLUX2_KLEIN
from lumaflux.model.pretrained import Placement, build_on_pretrained

TIMES = torch.tensor([0.9, 0.3])


@pytest.fixture(scope="module")
def frame():
    return torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model():
    made = build(SMALL, seed=3)
    generator = torch.Generator().manual_seed(4)
    made.vae.bn.running_mean.copy_(torch.randn(16, generator=generator))
    made.vae.bn.running_var.copy_(torch.rand(16, generator=generator) + 0.5)
    return made


def stir(model):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.adapter_parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))


def test_starts_as_the_frozen_transformer_bit_for_bit(model, frame):
    with torch.no_grad():
        seen, z = model.condition(frame), model.encode(frame)
        steered = model.token_velocity(pack(z), TIMES, seen, model.psi(TIMES))
        assert torch.equal(steered, BareTransformer(model)(z, TIMES, seen))
        stir(model)
        seen = model.condition(frame)
        moved = model.token_velocity(pack(z), TIMES, seen, model.psi(TIMES))
        with bare(model) as frozen:
            frozen = frozen(z, TIMES, seen)
        assert not torch.equal(moved, frozen)
        assert torch.equal(model.token_velocity(pack(z), TIMES, seen, model.psi(TIMES)), moved)


def test_every_block_steers_and_only_adapters_train(model, frame):
    stir(model)
    model.gradient_checkpointing = True
    velocity = model.velocity(model.encode(frame), TIMES, model.condition(frame))
    (velocity.square().mean() + model.decode(model.encode(frame)).hdr_pq.mean()).backward()
    assert all(p.grad is None for part in (model.transformer, model.vae, model.siglip) for p in part.parameters())
    for index in range(3):
        block = model.adapters.of_block(index)
        for weight in (block.pga.up.weight, block.pcm.mlp[2].weight, block.coupler.physical_out.weight):
            assert weight.grad.abs().sum() > 0, index


def test_the_update_of_the_fused_projection_is_that_of_its_value_rows(model, frame):
    """Adding a low-rank matrix to the value rows of the fused weight does what an ungated update does."""
    variant = build(SMALL.with_variant("lora"), seed=3)
    stir(variant)
    merged = build(SMALL.with_variant("lora"), seed=3)
    with torch.no_grad():
        seen, z = variant.condition(frame), variant.encode(frame)
        steered = variant.velocity(z, TIMES, seen)
        blocks = merged.transformer.single_transformer_blocks
        for index, block in enumerate(merged.transformer.transformer_blocks):
            update = variant.adapters.of_block(index).pga
            block.attn.to_v.weight += update.up.weight @ update.down.weight
        for index, block in enumerate(blocks, SMALL.double_blocks):
            update = variant.adapters.of_block(index).pga
            block.attn.to_qkv_mlp_proj.weight[2 * SMALL.width : 3 * SMALL.width] += (
                update.up.weight @ update.down.weight
            )
        expected = merged.velocity(z, TIMES, seen)
    assert (steered - expected).abs().max() < 1e-4 * expected.abs().max()


def test_latents_are_normalised_by_patch_channel(model, frame):
    """As diffusers' pipeline: 2x2 patches to channels, then mean and deviation of each."""
    with torch.no_grad():
        z = latents_of(model.vae, 2 * frame - 1)
        patches = z.reshape(2, 4, 2, 2, 3, 2).permute(0, 1, 3, 5, 2, 4).reshape(2, 16, 2, 3)
        mean, variance = model.vae.bn.running_mean, model.vae.bn.running_var
        expected = (patches - mean.view(1, -1, 1, 1)) / (variance.view(1, -1, 1, 1) + 1e-4).sqrt()
        made = normalised(model.vae, z, 1.0, 0.0)
        assert (pack(made) - expected.flatten(2).transpose(1, 2)).abs().max() < 1e-6
        assert (raw(model.vae, made, 1.0, 0.0) - z).abs().max() < 1e-6
        assert torch.equal(model.encode(frame), made)
        model.cast(torch.bfloat16)
    assert model.vae.bn.running_mean.dtype == torch.float32


def test_positions_have_four_axes():
    ids = position_ids(2, (2, 2), torch.device("cpu"), 4)
    assert ids.tolist() == [
        [0, 0, 0, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 1, 0, 0],
        [0, 1, 1, 0],
    ]


def test_loads_from_folders_in_both_types(model, frame, tmp_path):
    for part in ("transformer", "vae", "siglip"):
        (tmp_path / part).mkdir()
        tensors = {key: value.contiguous() for key, value in getattr(model, part).state_dict().items()}
        save_file(tensors, tmp_path / part / "model.safetensors")
    again = build_on_pretrained(SMALL, tmp_path)
    eight = build_on_pretrained(SMALL, tmp_path, placement=Placement(fp8=True))
    again.adapters = eight.adapters = model.adapters
    with torch.no_grad():
        z, seen = model.encode(frame), model.condition(frame)
        expected = model.velocity(z, TIMES, seen)
        assert torch.equal(again.velocity(again.encode(frame), TIMES, again.condition(frame)), expected)
        coarse = eight.velocity(z, TIMES, seen)
    assert 0 < (coarse - expected).norm() / expected.norm() < 0.1


def test_klein_s_shapes_have_the_names_of_the_original_file():
    few = replace(FLUX2_KLEIN, transformer={**FLUX2_KLEIN.transformer, "num_layers": 1, "num_single_layers": 1})
    from diffusers.loaders.single_file_utils import convert_flux2_transformer_checkpoint_to_diffusers as convert

    with torch.device("meta"):
        rows = {key: len(tensor) for key, tensor in build_transformer(few).state_dict().items()}
    names = transformer_names(second=True)
    stems = ["img_in", "txt_in", "time_in.in_layer", "time_in.out_layer", "final_layer.linear"]
    stems += ["final_layer.adaLN_modulation.1", "single_stream_modulation.lin"]
    stems += [f"double_stream_modulation_{stream}.lin" for stream in ("img", "txt")]
    for stream in ("img", "txt"):
        stems += [f"double_blocks.0.{stream}_{end}" for end in ("attn.qkv", "attn.proj", "mlp.0", "mlp.2")]
    keys = [f"{stem}.weight" for stem in [*stems, "single_blocks.0.linear1", "single_blocks.0.linear2"]]
    for norm in ("double_blocks.0.img_attn", "double_blocks.0.txt_attn", "single_blocks.0"):
        keys += [f"{norm}.norm.{end}_norm.scale" for end in ("query", "key")]
    assert sorted(target for key in keys for target in names(key)) == sorted(rows)
    tensors = {key: torch.arange(count) + 1e5 * i for i, (key, count) in enumerate(rows.items())}
    source = {key: torch.cat([tensors[target] for target in names(key)]) for key in keys}
    swapped = "final_layer.adaLN_modulation.1.weight"
    source[swapped] = torch.cat(source[swapped].chunk(2)[::-1])
    theirs = convert(source)
    assert theirs.keys() == tensors.keys()
    assert all(torch.equal(theirs[key], tensors[key]) for key in tensors)


def test_the_configuration_goes_through_json():
    assert config_from_json(FLUX2_KLEIN.to_json()) == FLUX2_KLEIN
    assert (FLUX2_KLEIN.width, FLUX2_KLEIN.blocks, FLUX2_KLEIN.token_stride) == (3072, 25, 16)


@pytest.mark.slow
def test_klein_fits_12_gib_as_it_is():
    plan = plan_for(FLUX2_KLEIN, 0.95 * 12 * GIB)
    assert (plan.resident, plan.blocks) == (25, 25)
    assert plan.working_pixels == 1 << 20
