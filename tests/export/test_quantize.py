"""fp8 on a small graph: which products it takes, and that it computes nearly the same."""

import numpy as np
import onnx
import pytest
from lumaflux.export.quantize import calibrate, quantise
from onnx import TensorProto, helper, numpy_helper

from lumaflux.backends.onnxruntime import session
from lumaflux.errors import UserError


@pytest.fixture
def graph(tmp_path):
    rng = np.random.default_rng(0)
    weights = {
        "transformer_blocks.0.attn.to_q.weight": rng.normal(size=(64, 96)).astype(np.float32),
        "proj_out.weight": rng.normal(size=(96, 64)).astype(np.float32),
    }
    first, last = weights
    nodes = [
        helper.make_node("MatMul", ["x", first], ["h"], name="inner"),
        helper.make_node("MatMul", ["h", last], ["y"], name="outer"),
    ]
    value = helper.make_tensor_value_info
    inputs, outputs = [value("x", TensorProto.FLOAT, [1, 5, 64])], [value("y", TensorProto.FLOAT, [1, 5, 64])]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    opsets = [helper.make_opsetid("", 20)]
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, tensors), opset_imports=opsets, ir_version=10
    )
    onnx.save(model, str(tmp_path / "g.onnx"))
    return tmp_path / "g.onnx"


def test_agreement_and_what_stays(graph, tmp_path):
    x = np.random.default_rng(1).normal(size=(1, 5, 64)).astype(np.float32)
    scales = calibrate(graph, [{"x": x}], tmp_path)
    assert scales == {"x": pytest.approx(float(np.abs(x).max()))}
    assert quantise(graph, scales, tmp_path / "q.onnx") == 1
    made = onnx.load(str(tmp_path / "q.onnx"))
    kinds = {tensor.name: tensor.data_type for tensor in made.graph.initializer}
    assert kinds["transformer_blocks.0.attn.to_q.weight_fp8"] == TensorProto.FLOAT8E4M3FN
    assert kinds["proj_out.weight"] == TensorProto.FLOAT
    exact = session(graph).run(None, {"x": x})[0]
    coded = session(tmp_path / "q.onnx", optimise=False).run(None, {"x": x})[0]
    snr = 20 * np.log10(np.linalg.norm(exact) / np.linalg.norm(coded - exact))
    assert 25 < snr < 45


def test_activations_up_to_twice_the_calibrated_do_not_clip(graph, tmp_path):
    """One calibration frame is no bound for the next: the error of brighter ones stays that of E4M3's rounding."""
    x = np.random.default_rng(1).normal(size=(1, 5, 64)).astype(np.float32)
    quantise(graph, calibrate(graph, [{"x": x}], tmp_path), tmp_path / "q.onnx")
    exact, coded = session(graph), session(tmp_path / "q.onnx", optimise=False)
    snr = {}
    for gain in (0.25, 1.0, 1.9, 4.0):
        whole, rounded = (opened.run(None, {"x": gain * x})[0] for opened in (exact, coded))
        snr[gain] = 20 * np.log10(np.linalg.norm(whole) / np.linalg.norm(rounded - whole))
    assert min(snr[0.25], snr[1.0], snr[1.9]) > 25
    assert snr[4.0] < 15  # far beyond it clips


def test_no_samples_are_refused(graph, tmp_path):
    with pytest.raises(UserError, match="calibration"):
        calibrate(graph, [], tmp_path)
    assert not list(tmp_path.glob(".calibration*"))
