"""Frozen parts from diffusers' folders and original single files, shard by shard, and what is said of bad ones."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lumaflux.errors import UserError
from lumaflux.model.autoencoder import build_autoencoder
from lumaflux.model.build import build, build_transformer
from lumaflux.model.checkpoint import load_adapters
from lumaflux.model.fp8_linear import dequantized, quantized
from lumaflux.model.original_names import transformer_names, vae_names
from lumaflux.model.presets import FLUX_DEV, TINY_FLUX
from lumaflux.model.pretrained import Placement, build_on_pretrained
from lumaflux.model.weight_files import contents
from lumaflux.model.weight_streaming import stream_weights

GUIDED = replace(TINY_FLUX, name="flux-dev", transformer={**TINY_FLUX.transformer, "guidance_embeds": True})


@pytest.fixture(scope="module")
def parts():
    """Weights of every part, by diffusers' names."""
    model = build(GUIDED, seed=1)
    return {part: dict(getattr(model, part).state_dict()) for part in ("transformer", "vae", "siglip")}


@pytest.fixture
def folder(parts, tmp_path):
    """The layout of diffusers, the transformer in two shards."""
    for part, tensors in parts.items():
        (tmp_path / part).mkdir()
        keys = sorted(tensors)
        halves = [keys[::2], keys[1::2]] if part == "transformer" else [keys]
        names = [f"model-{i}.safetensors" for i in range(len(halves))]
        for name, half in zip(names, halves, strict=True):
            save_file({key: tensors[key].contiguous() for key in half}, tmp_path / part / name)
        if len(halves) > 1:
            where = {key: name for name, half in zip(names, halves, strict=True) for key in half}
            index = tmp_path / part / "model.safetensors.index.json"
            index.write_text(json.dumps({"weight_map": where}))
    return tmp_path


def original(tensors, names, module):
    """The inverse of ``names``: what an original file would hold of ``tensors``, found by trying its keys."""
    made = {}
    for key in names:
        targets = module(key)
        made[key] = torch.cat([tensors[target] for target in targets])
        if key.startswith("final_layer.adaLN"):
            made[key] = torch.cat(made[key].chunk(2)[::-1]).contiguous()
    return made


def original_keys(config):
    """Every key of FLUX.1's original transformer file, written down from the release."""
    keys = [f"{stem}.{end}" for stem in ("img_in", "txt_in", "final_layer.linear") for end in ("weight", "bias")]
    embedders = ["time_in", "vector_in", *(["guidance_in"] if config.transformer["guidance_embeds"] else [])]
    stems = [f"{name}.{layer}" for name in embedders for layer in ("in_layer", "out_layer")]
    stems.append("final_layer.adaLN_modulation.1")
    for i in range(config.double_blocks):
        for stream in ("img", "txt"):
            stems += [
                f"double_blocks.{i}.{stream}_{end}" for end in ("mod.lin", "attn.qkv", "attn.proj", "mlp.0", "mlp.2")
            ]
            keys += [f"double_blocks.{i}.{stream}_attn.norm.{end}_norm.scale" for end in ("query", "key")]
    for i in range(config.blocks - config.double_blocks):
        stems += [f"single_blocks.{i}.{end}" for end in ("modulation.lin", "linear1", "linear2")]
        keys += [f"single_blocks.{i}.norm.{end}_norm.scale" for end in ("query", "key")]
    return [*keys, *(f"{stem}.{end}" for stem in stems for end in ("weight", "bias"))]


@pytest.fixture
def single_file(parts, tmp_path):
    """One file with the original names, the autoencoder's original file and the tower beside it."""
    made = original(parts["transformer"], original_keys(GUIDED), transformer_names(second=False))
    save_file(made, tmp_path / "flux1-dev.safetensors")
    vae = {}
    for key, tensor in parts["vae"].items():
        vae[ORIGINAL_VAE(key)] = tensor[:, :, None, None] if ".to_" in key and tensor.ndim == 2 else tensor
    save_file({key: value.contiguous() for key, value in vae.items()}, tmp_path / "ae.safetensors")
    (tmp_path / "siglip").mkdir()
    tower = {f"vision_model.{key}": value.contiguous() for key, value in parts["siglip"].items()}
    save_file({**tower, "logit_scale": torch.ones(1)}, tmp_path / "siglip" / "model.safetensors")
    return tmp_path / "flux1-dev.safetensors"


def ORIGINAL_VAE(key, levels=4):  # noqa: N802
    part, *rest = key.split(".")
    key = ".".join(rest)
    for new, old in (
        ("conv_norm_out", "norm_out"),
        ("mid_block.resnets.0", "mid.block_1"),
        ("mid_block.resnets.1", "mid.block_2"),
        ("mid_block.attentions.0.group_norm", "mid.attn_1.norm"),
        ("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out"),
        ("mid_block.attentions.0.to_", "mid.attn_1."),
        ("conv_shortcut", "nin_shortcut"),
        ("downsamplers.0", "downsample"),
        ("upsamplers.0", "upsample"),
        (".resnets.", ".block."),
        ("down_blocks.", "down."),
    ):
        key = key.replace(new, old)
    for level in range(levels):
        if key.startswith(f"up_blocks.{level}."):
            key = key.replace(f"up_blocks.{level}.", f"up.{levels - 1 - level}.")
    return f"{part}.{key}"


def same(model, parts):
    for part, tensors in parts.items():
        held = getattr(model, part).state_dict()
        assert held.keys() == tensors.keys()
        assert all(torch.equal(held[key], tensors[key]) for key in tensors), part


def test_folders_of_diffusers(folder, parts):
    same(build_on_pretrained(GUIDED, folder), parts)


def test_original_single_files(single_file, parts):
    same(build_on_pretrained(GUIDED, single_file), parts)
    same(build_on_pretrained(GUIDED, single_file.parent), parts)


def test_one_file_with_all_parts(single_file, parts):
    everything = {f"model.diffusion_model.{key}": value for key, value in load_file(single_file).items()}
    beside = single_file.parent / "ae.safetensors"
    everything |= {f"vae.{key}": value for key, value in load_file(beside).items()}
    save_file({**everything, "text_encoders.t5": torch.ones(2)}, single_file)
    beside.unlink()
    same(build_on_pretrained(GUIDED, single_file), parts)


def test_names_are_those_that_diffusers_converts():
    from diffusers.loaders.single_file_utils import convert_flux_transformer_checkpoint_to_diffusers as convert

    shape = replace(FLUX_DEV, transformer={**FLUX_DEV.transformer, "num_layers": 2, "num_single_layers": 2})
    with torch.device("meta"):
        rows = {key: len(tensor) for key, tensor in build_transformer(shape).state_dict().items()}
    tensors = {key: torch.arange(count) + 1e5 * i for i, (key, count) in enumerate(rows.items())}
    source = original(tensors, original_keys(shape), transformer_names(second=False))
    theirs = convert(dict(source))
    assert theirs.keys() == tensors.keys()
    assert all(torch.equal(theirs[key], tensors[key]) for key in tensors)


def test_the_real_shapes_have_every_name():
    with torch.device("meta"):
        transformer, vae = build_transformer(FLUX_DEV), build_autoencoder(FLUX_DEV.vae)
    reached = [t for key in original_keys(FLUX_DEV) for t in transformer_names(second=False)(key)]
    assert sorted(reached) == sorted(transformer.state_dict())
    assert sorted(vae_names(4)(ORIGINAL_VAE(key))[0] for key in vae.state_dict()) == sorted(vae.state_dict())


@pytest.mark.parametrize("scaled", [False, True])
def test_fp8_single_files(single_file, parts, scaled):
    """Eight bits as they are, and with a number beside each matrix."""
    stored, scale = {}, torch.tensor(0.125)
    for key, value in load_file(single_file).items():
        matrix = value.ndim == 2
        stored[key] = (value / (scale if scaled else 1)).to(torch.float8_e4m3fn) if matrix else value
        if scaled and matrix:
            stored[key.removesuffix("weight") + "scale_weight"] = scale.clone()
    save_file(stored | ({"scaled_fp8": torch.zeros(2).to(torch.float8_e4m3fn)} if scaled else {}), single_file)
    held = build_on_pretrained(GUIDED, single_file).transformer.state_dict()
    for key, exact in parts["transformer"].items():
        assert ((held[key] - exact).abs() <= exact.abs() / 16 + 2**-10).all(), key


def test_fp8_rounds_to_three_bits_of_mantissa():
    weight = torch.randn(6, 40, generator=torch.Generator().manual_seed(0)) * torch.logspace(-4, 2, 6)[:, None]
    weight[2] = 0
    again = dequantized(*quantized(weight), torch.float32)
    largest = weight.abs().amax(1, keepdim=True)
    assert ((again - weight).abs() <= weight.abs() / 16 + largest * 2.0**-17).all()
    assert torch.equal(dequantized(*quantized(again), torch.bfloat16).float(), again)


def test_eight_bits_stay_through_casts_and_convert(folder):
    exact = build_on_pretrained(GUIDED, folder)
    model = build_on_pretrained(GUIDED, folder, placement=Placement(fp8=True))
    for each in (exact, model):
        torch.manual_seed(0)
        for parameter in each.adapter_parameters():
            parameter.data.normal_(0, 0.02)
    layer = model.transformer.transformer_blocks[0].attn.to_v
    bits = layer.weight.clone()
    sdr, t = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)), torch.tensor([0.5])
    with torch.no_grad():
        velocities = [each.velocity(each.encode(sdr), t, each.condition(sdr)) for each in (exact, model)]
        model.cast(torch.bfloat16)
    assert 0 < (velocities[0] - velocities[1]).norm() / velocities[0].norm() < 0.1
    assert torch.equal(layer.weight, bits)


def test_memory_beside_the_weights_is_less_than_a_shard(tmp_path):
    """Peak resident memory (VmHWM, which the kernel resets) over that before: the weights and 1.1 of a shard."""
    side, count = 1024, 12
    for shard in range(3):
        tensors = {f"{i}.weight": torch.randn(side, side) for i in range(shard, count, 3)}
        save_file(tensors, tmp_path / f"model-{shard}.safetensors")
    where = {f"{i}.weight": f"model-{i % 3}.safetensors" for i in range(count)}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    module = torch.nn.Sequential(*(torch.nn.Linear(side, side, bias=False, device="meta") for _ in range(count)))
    found = contents([tmp_path / f"model-{shard}.safetensors" for shard in range(3)])
    before, shard_bytes = reset_peak(), count // 3 * side * side * 4
    stream_weights(module, found, lambda _: (torch.device("cpu"), torch.bfloat16), "here")
    grown = memory("VmHWM") - before
    weights = sum(p.numel() * p.element_size() for p in module.parameters())
    assert weights == count * side * side * 2
    assert grown <= weights + 1.1 * shard_bytes, (grown / 2**20, weights / 2**20)


def memory(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def reset_peak():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("the kernel does not reset peaks here")
    return memory("VmRSS")


def missing_shard(folder):
    (folder / "transformer" / "model-1.safetensors").unlink()


def cut_short(folder):
    path = folder / "transformer" / "model-0.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def lora(folder):
    index = folder / "transformer" / "model.safetensors.index.json"
    index.unlink()
    (folder / "transformer" / "model-1.safetensors").unlink()
    save_file({"transformer.x.lora_A.weight": torch.ones(2, 2)}, folder / "transformer" / "model-0.safetensors")


def partial(folder):
    path = folder / "transformer" / "model-0.safetensors"
    save_file(dict(list(load_file(path).items())[:-2]), path)


def other_release(folder):
    for name in ("model-0.safetensors", "model-1.safetensors"):
        path = folder / "transformer" / name
        save_file({key: value for key, value in load_file(path).items() if "guidance" not in key}, path)


def other_shape(folder):
    path = folder / "vae" / "model-0.safetensors"
    save_file({key: torch.cat([value, value]) for key, value in load_file(path).items()}, path)


def unknown(folder):
    path = folder / "siglip" / "model-0.safetensors"
    save_file({**load_file(path), "surprise": torch.ones(1)}, path)


def no_index(folder):
    (folder / "transformer" / "model.safetensors.index.json").unlink()


def damaged(folder):
    path = folder / "vae" / "model-0.safetensors"
    tensors = load_file(path)
    tensors["encoder.conv_in.bias"][0] = float("nan")
    save_file(tensors, path)


def no_tower(folder):
    (folder / "siglip").rename(folder / "other")


BAD = {
    missing_shard: "lacks 1 of 2 files",
    cut_short: "cut short",
    lora: "LoRA",
    partial: "lacks 2 of the model's",
    other_release: "has not the guidance embedding",
    other_shape: "has shape",
    unknown: "'surprise'",
    no_index: "without an index",
    damaged: "NaN",
    no_tower: "models get siglip",
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_bad_files_are_named(spoil, folder):
    spoil(folder)
    with pytest.raises(UserError, match=BAD[spoil]) as said:
        build_on_pretrained(GUIDED, folder)
    assert str(folder) in str(said.value)


def test_a_lora_is_no_adapter_file(tmp_path):
    save_file({"transformer.x.lora_A.weight": torch.ones(2, 2)}, tmp_path / "lora.safetensors")
    with pytest.raises(UserError, match="is a LoRA"):
        load_adapters(build(TINY_FLUX), tmp_path / "lora.safetensors")
