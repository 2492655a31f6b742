"""Training adapters on a published backbone: the frozen parts come in the type that they are used in."""

from dataclasses import replace

import pytest
import torch

from lumaflux.lab.bench.flux_rehearsal import write_release
from lumaflux.lab.training import adapters
from lumaflux.model.frozen_shapes import KL_FLUX2
from lumaflux.model.presets import TINY_FLUX


class Config:
    """What ``network_for`` reads of a TrainConfig."""

    seed, options = 3, {}

    def __init__(self, start, precision, model="flux-dev"):
        self.start, self.precision, self.model = start, precision, model


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_frozen_parts_come_in_their_type(tmp_path, monkeypatch, precision, dtype):
    vae = {key: value for key, value in TINY_FLUX.vae.items() if key not in ("scaling_factor", "shift_factor")}
    vae |= {"architecture": KL_FLUX2, "use_quant_conv": True, "use_post_quant_conv": True}
    shape = replace(TINY_FLUX, name="flux-dev", vae=vae)
    monkeypatch.setitem(adapters.PRESETS, "flux-dev", shape)
    write_release(shape, tmp_path)
    network = adapters.network_for(Config(tmp_path, precision))
    assert {p.dtype for part in (network.transformer, network.siglip) for p in part.parameters()} == {dtype}
    assert network.vae.encoder.conv_in.weight.dtype == dtype
    assert network.vae.bn.running_var.dtype == torch.float32
    assert {p.dtype for p in network.adapter_parameters()} == {torch.float32}


def test_a_release_of_another_shape_is_known_by_its_layout(tmp_path):
    """A rehearsal's few blocks: ``model`` is the configuration that lies in ``start``."""
    shape = replace(TINY_FLUX, transformer={**TINY_FLUX.transformer, "num_single_layers": 1})
    write_release(shape, tmp_path)
    network = adapters.network_for(Config(tmp_path, "bf16", tmp_path / "config.json"))
    assert network.config.transformer["num_single_layers"] == 1
    assert next(network.transformer.parameters()).dtype == torch.bfloat16
    assert not any(p.requires_grad for p in network.transformer.parameters())
