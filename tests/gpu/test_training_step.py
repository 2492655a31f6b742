"""An update of the adapters on a CUDA device: nothing of it lies on the host, draws there, or is asked for by the host.

A fake tensor has no value: a branch on one, an item or a copy to NumPy raises.
"""

from typing import Any

import fake_cuda
import pytest
import torch

from lumaflux.inference.weights import LITE
from lumaflux.lab.training import adapters
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.stage_options import AdapterOptions
from lumaflux.model.build import build
from lumaflux.model.config import read_config

CROP = 64
COUNTS = {"steps": 1, "batch": 2, "learning_rate": 1e-3}


class Drawn:
    """Pairs that the device made."""

    def draw(self, count, size, generator):
        return tuple(torch.empty(count, 3, size, size, device=fake_cuda.CUDA) for _ in range(2))


@pytest.fixture
def network():
    return build(read_config(LITE / "config.json"), seed=0)


def stage_of(network, tmp_path, **options):
    stage: Any = object.__new__(adapters.AdapterStage)  # what reads pools and weights is left out
    stage.config = TrainConfig(
        stage="adapters", run=tmp_path, views=tmp_path, model=tmp_path, crop=CROP, precision="bf16", **COUNTS
    )
    stage.options = AdapterOptions(picture_every=1, **options)
    stage.source_detail = options.get("detail") == "source"
    stage.device, stage.pairs, stage.network = fake_cuda.CUDA, Drawn(), network
    stage._halve_frozen()
    network.to(stage.device)
    return stage


def test_an_update_stays_on_the_device(cuda, network, tmp_path, monkeypatch):
    monkeypatch.setattr(adapters, "on_device", lambda generator, device: fake_cuda.Generator())
    stage = stage_of(network, tmp_path, detail="source")
    parameters = list(stage.parameters().values())
    assert {parameter.device for parameter in parameters} == {cuda}
    losses = stage.losses(0, 2, torch.Generator())
    assert {value.device for value in losses.values()} == {cuda}
    assert losses["total"].requires_grad
    for parameter in parameters:  # torch's engine goes backward on a real device alone
        parameter.grad = torch.empty_like(parameter)
    optimizer = torch.optim.AdamW(parameters, fused=True)
    optimizer.step()
    moments = [value for state in optimizer.state.values() for value in state.values()]
    assert {moment.device for moment in moments} == {cuda}
