"""The loaders' bench, small: the files are what diffusers reads, and each load is counted in a process of its own."""

import pytest
import torch
from small_klein import SMALL

from lumaflux.lab.bench.loaders import RELEASE, SINGLE, loaded, ours, theirs
from lumaflux.lab.bench.loading import measured, row, write_layouts
from lumaflux.model.build import build_transformer
from lumaflux.model.original_names import original_keys, transformer_names
from lumaflux.model.presets import FLUX2_KLEIN, FLUX_DEV, TINY_FLUX


@pytest.mark.parametrize("config", [TINY_FLUX, SMALL], ids=lambda config: config.name)
def test_both_read_the_same_weights(tmp_path, config):
    write_layouts(config, tmp_path, shard_bytes=100_000)
    assert len(list((tmp_path / RELEASE / "transformer").glob("*.safetensors"))) > 1
    layouts = (RELEASE, SINGLE) if config.second_generation else (RELEASE,)  # FLUX.1's widths are fixed in diffusers
    release = [part.state_dict() for part in ours(config, tmp_path, RELEASE, torch.bfloat16)]
    for layout in layouts:
        for own, others in zip(release, theirs(config, tmp_path, layout, torch.bfloat16), strict=True):
            other = others.state_dict()
            for key, tensor in own.items():
                assert torch.equal(tensor, other[key].to(tensor.dtype)), (layout, key)
    for own, single in zip(release, ours(config, tmp_path, SINGLE, torch.bfloat16), strict=True):
        assert all(torch.equal(tensor, single.state_dict()[key]) for key, tensor in own.items())


@pytest.mark.parametrize("config", [FLUX_DEV, FLUX2_KLEIN], ids=lambda config: config.name)
def test_every_weight_has_one_original_key(config):
    with torch.device("meta"):
        weights = build_transformer(config).state_dict()
    found = original_keys(weights, second=config.second_generation)
    assert sorted(target for targets in found.values() for target in targets) == sorted(weights)
    assert all(transformer_names(second=config.second_generation)(key) == found[key] for key in found)


@pytest.mark.slow
def test_a_load_is_one_process_s(tmp_path):
    write_layouts(SMALL, tmp_path)
    for name, found in measured(tmp_path, 1):
        assert {way: len(loads) for way, loads in found.items()} == {"ours": 1, "theirs": 1}
        assert found["ours"][0].bytes == loaded("ours", tmp_path, *name.split(", ")).bytes
        assert found["theirs"][0].bytes == pytest.approx(found["ours"][0].bytes, rel=1e-3)  # statistics are in fp32
        assert all(load.seconds > 0 and load.peak > 0 for loads in found.values() for load in loads)
        assert row(name, found).count("|") == 8
