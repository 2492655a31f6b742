"""What a 16-bit model hands its operators is what their kernels take: no silent fall to the expressions on a GPU."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lumaflux.model.build import build
from lumaflux.model.presets import TINY_FLUX
from lumaflux.ops import coupler_add, film_layer_norm, gain_map, gated_low_rank, spline_pq

pytest.importorskip("cuda.bindings")
CAPABILITY = 90
MODULES = {
    "gated_low_rank": gated_low_rank,
    "film_layer_norm": film_layer_norm,
    "coupler_add": coupler_add,
    "spline_pq": spline_pq,
    "gain_map": gain_map,
}


def obstacle_of(name, parts):
    module = MODULES[name]
    return module.obstacle(module.Inputs(*parts), CAPABILITY)


class Seen(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls, self.obstacles = Counter(), set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.namespace == "lumaflux":
            name = func._schema.name.split("::")[1]
            self.calls[name] += 1
            self.obstacles.add((name, obstacle_of(name, args)))
        return func(*args, **(kwargs or {}))


def test_a_model_in_bf16_meets_no_obstacle():
    transformer = TINY_FLUX.transformer | {
        "attention_head_dim": 16,
        "num_attention_heads": 2,
        "axes_dims_rope": [4, 6, 6],
    }
    model = build(replace(TINY_FLUX, transformer=transformer, bottleneck=64), seed=0).cast(torch.bfloat16).eval()
    side = model.config.token_stride
    with torch.inference_mode(), Seen() as seen:
        conditions = model.condition(torch.rand(1, 3, 5 * side, 7 * side))
        z = torch.randn(1, model.config.latent_channels, 10, 14).to(model.dtype)
        t = torch.tensor([0.5])
        model.velocity(z, t, conditions)
        model.tone_field(torch.rand(1, 3, 40, 56), z.float())
    blocks = model.config.blocks
    assert seen.calls == {"gated_low_rank": blocks, "film_layer_norm": blocks, "coupler_add": blocks, "spline_pq": 1}
    assert {reason for _, reason in seen.obstacles} == {None}, seen.obstacles
