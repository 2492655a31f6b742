"""Blocks in bf16 and fp8 beside the same in float32, which come from the files one at a time."""

from dataclasses import replace

import pytest
import torch

from lumaflux.errors import UserError
from lumaflux.inference.backbones import backbone_of
from lumaflux.lab.bench import flux_rehearsal
from lumaflux.lab.bench.block_reference import block_errors
from lumaflux.lab.bench.flux_rehearsal import write_release
from lumaflux.model.fp8_linear import blocks_of
from lumaflux.model.presets import TINY_FLUX
from lumaflux.model.pretrained import BlockReader, build_on_pretrained

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(flux_rehearsal, "_SCALE", 0.18)  # of matrices as small as these, so that blocks add something
        write_release(replace(TINY_FLUX, name="small"), folder, shard_bytes=1 << 14)
    return folder


def test_a_block_comes_as_the_whole_model_has_it(release):
    whole = build_on_pretrained(TINY_FLUX, release)
    reader = BlockReader(TINY_FLUX, *backbone_of("small", release), CPU)
    for index, block in enumerate(blocks_of(whole.transformer)):
        read, expected = reader.block(index).state_dict(), block.state_dict()
        assert read.keys() == expected.keys()
        assert all(torch.equal(read[key], expected[key]) for key in expected)


def test_errors_are_those_of_the_precision(release):
    sdr = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    made = {}
    with torch.inference_mode():
        for precision in ("bf16", "fp8"):
            errors = block_errors(str(release), sdr, precision=precision, backbone=None, adapters=None, device=CPU)
            made[precision] = list(errors)
    assert [error.index for error in made["bf16"]] == [0, 1, 2]
    assert made["bf16"][0].alone == made["bf16"][0].chain
    for half, eight in zip(made["bf16"], made["fp8"], strict=True):
        assert 0 < half.alone < 0.05
        assert half.alone < eight.alone < 0.3


def test_other_models_have_none():
    with pytest.raises(UserError, match="no reference by block"):
        next(
            block_errors("lite", torch.zeros(1, 3, 16, 16), precision="bf16", backbone=None, adapters=None, device=CPU)
        )
