"""Torch's operator, the export's ONNX function, the kernel under emulation and float64 say the same."""

from dataclasses import replace

import pytest
import torch

from lumaflux.ops.gated_low_rank import gated_low_rank
from lumaflux.ops.sources import gated_low_rank as variant_of

pytest.importorskip("onnxruntime")
WITHIN = 1e-3  # relative L2
CASES = {"random": (2, 64, 192, 6, 8, 1.0), "ragged": (1, 77, 192, 6, 16, 1.0), "extreme": (1, 65, 96, 3, 8, 4000.0)}


def inputs_of(name, dtype):
    """The node's inputs, in numbers that the 16-bit type has."""
    batch, tokens, width, heads, rank, scale = CASES[name]
    generator = torch.Generator().manual_seed(23)
    normal = lambda *shape: torch.randn(*shape, generator=generator).to(dtype)  # noqa: E731
    x, value = scale * normal(batch, tokens, width), normal(batch, tokens, width)
    down, up = normal(width, rank), normal(rank, width)
    alpha, beta = torch.full((batch, 1, 1), 0.3 / scale).to(dtype), normal(batch, 1, 1) / scale
    gate = torch.rand(batch, tokens, heads, 1, generator=generator).to(dtype)
    return x, value, down, up, alpha, beta, gate


def by_torch(inputs):
    x, value, down, up, alpha, beta, gate = (part.float() for part in inputs)
    return gated_low_rank(x, value, down.t(), up.t(), alpha.flatten(), beta.flatten(), gate.squeeze(-1))


def by_onnx(inputs, folder):
    import onnx
    from lumaflux.export.functions import DOMAIN, NAME, OPSET, add_function
    from onnx import TensorProto, helper

    from lumaflux.backends.onnxruntime import run_session, session

    names = ["x", "value", "down", "up", "alpha", "beta", "gate"]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, list(part.shape))
        for name, part in zip(names, inputs, strict=True)
    ]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, list(inputs[1].shape))
    graph = helper.make_graph([helper.make_node(NAME, names, ["y"], domain=DOMAIN)], "g", ports, [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    add_function(model)
    onnx.save(model, folder / "node.onnx")
    given = {name: part.float().contiguous() for name, part in zip(names, inputs, strict=True)}
    return run_session(session(folder / "node.onnx"), given)["y"]


def by_kernel(inputs, emulated):
    x, value, down, *_, gate = inputs
    variant = variant_of(str(x.dtype).removeprefix("torch."), down.shape[1], node=True)
    variant = replace(variant, macros=variant.macros | {"WIDE_RESULT": "1"})
    y = torch.empty(value.shape)
    batch, tokens, width = x.shape
    emulated(variant)((-(-tokens // 64), batch, 1), [*inputs, tokens, width, gate.shape[2], y])
    return y


def in_float64(inputs):
    x, value, down, up, alpha, beta, gate = (part.double() for part in inputs)
    update = alpha * (x @ down @ up) + beta * x
    return value + (update.unflatten(-1, (gate.shape[2], -1)) * gate).flatten(-2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_four_voices_agree(emulated, relative_error, tmp_path, name, dtype):
    inputs = inputs_of(name, dtype)
    exact = in_float64(inputs)
    beyond = bool((inputs[0].double() @ inputs[2].double()).abs().max() > torch.finfo(torch.float16).max)
    assert beyond == (name == "extreme")  # a sum inside that fp16 could not hold
    assert relative_error(by_torch(inputs), exact) < 1e-5
    assert relative_error(torch.as_tensor(by_onnx(inputs, tmp_path)), exact) < 1e-5
    assert relative_error(by_kernel(inputs, emulated), exact) < WITHIN
