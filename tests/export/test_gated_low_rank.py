"""The custom node: its function's body, run by onnxruntime, is the torch expression and the model's own update."""

import onnx
import pytest
import torch
from lumaflux.export.functions import DOMAIN, NAME, OPSET, NodeValueUpdate, add_function, gated_low_rank
from onnx import TensorProto, helper

from lumaflux.backends.onnxruntime import run_session, session
from lumaflux.model.conditioner import Modulation
from lumaflux.model.pga import ValueUpdate
from lumaflux.model.presets import TINY_FLUX

NAMES = ("x", "value", "down", "up", "alpha", "beta", "gate")


@pytest.fixture
def inputs():
    torch.manual_seed(0)
    shapes = ((1, 7, 32), (1, 7, 32), (32, 8), (8, 32), (1, 1, 1), (1, 1, 1), (1, 7, 2, 1))
    return {name: torch.randn(shape) for name, shape in zip(NAMES, shapes, strict=True)}


def test_body_is_the_torch_reference(inputs, tmp_path):
    node = helper.make_node(NAME, NAMES, ["y"], domain=DOMAIN)
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, list(v.shape)) for n, v in inputs.items()]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 7, 32])
    graph = helper.make_graph([node], "update", values, [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    add_function(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(tmp_path / "update.onnx"))
    made = run_session(session(tmp_path / "update.onnx"), inputs)["y"]
    assert torch.allclose(made, gated_low_rank(*inputs.values()), atol=1e-5)


def test_node_is_the_models_value_update():
    torch.manual_seed(1)
    update = ValueUpdate(TINY_FLUX)
    torch.nn.init.normal_(update.up.weight)
    gate = update.prepare(torch.randn(1, 5, 32), torch.randn(1, 16), torch.randn(1, 8), 2)
    six = [torch.rand(1) for _ in range(6)]
    names = ("alpha_pga", "beta_pga", "alpha_pcm", "beta_pcm", "spectral_gain", "coupling")
    modulation = Modulation(**dict(zip(names, six, strict=True)))
    x, value = torch.randn(2, 1, 7, TINY_FLUX.width)
    with torch.no_grad():
        expected = update(x, value, gate, modulation)
        assert torch.allclose(NodeValueUpdate(update)(x, value, gate, modulation), expected, atol=1e-5)
        assert (expected - value).abs().max() > 0.1
