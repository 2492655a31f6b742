"""The gated low-rank value update as ONE node of the domain ``lumaflux`` that carries its own meaning as a function.

onnxruntime runs the function's body and TensorRT-RTX inlines it; a runtime with a kernel of that name takes the kernel.
"""

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from lumaflux.model.conditioner import Modulation
from lumaflux.model.pga import ValueGate, ValueUpdate
from lumaflux.ops.gated_low_rank import gated_low_rank as operator

if TYPE_CHECKING:
    import onnx

DOMAIN, NAME, OPSET = "lumaflux", "GatedLowRank", 20
_BODY = f"""
<domain: "{DOMAIN}", opset_import: ["" : {OPSET}]>
{NAME} (x, value, down, up, alpha, beta, gate) => (y)
{{
    narrow = MatMul (x, down)
    scaled = Mul (alpha, narrow)
    wide = MatMul (scaled, up)
    direct = Mul (beta, x)
    update = Add (wide, direct)
    heads = Shape <start: int = 0, end: int = 3> (gate)
    rest = Constant <value_ints: ints = [-1]> ()
    by_head = Concat <axis: int = 0> (heads, rest)
    update_heads = Reshape (update, by_head)
    gated = Mul (update_heads, gate)
    whole = Shape (value)
    flat = Reshape (gated, whole)
    y = Add (value, flat)
}}
"""


def gated_low_rank(
    x: Tensor, value: Tensor, down: Tensor, up: Tensor, alpha: Tensor, beta: Tensor, gate: Tensor
) -> Tensor:
    """The function's torch reference, the model's own operator with the function's inputs.

    x, value [B,T,d]; down [d,r]; up [r,d]; alpha, beta [B,1,1]; gate [B,T,heads,1].
    """
    return operator(x, value, down.t(), up.t(), alpha.flatten(), beta.flatten(), gate.squeeze(-1))


class NodeValueUpdate(nn.Module):
    """Stands for a block's ValueUpdate while it is traced, and becomes one node."""

    def __init__(self, own: ValueUpdate):
        super().__init__()
        self.own = own

    def prepare(self, t_phys: Tensor, g: Tensor, r: Tensor, context_tokens: int) -> ValueGate:
        return self.own.prepare(t_phys, g, r, context_tokens)

    def forward(self, x: Tensor, value: Tensor, gate: ValueGate, modulation: Modulation) -> Tensor:
        factor = gate.physical
        if self.own.kind == "pga":
            factor = factor * (1 + modulation.spectral_gain[:, None, None].to(value.dtype) * gate.spectral)
        inputs = (
            x,
            value,
            self.own.down.weight.t(),
            self.own.up.weight.t(),
            modulation.alpha_pga[:, None, None].to(value.dtype),
            modulation.beta_pga[:, None, None].to(value.dtype),
            factor.unsqueeze(-1),
        )
        if not torch.compiler.is_exporting():
            return gated_low_rank(*inputs)
        symbolic = cast(Any, torch.onnx.ops.symbolic)
        return symbolic(f"{DOMAIN}::{NAME}", inputs, dtype=value.dtype, shape=value.shape, version=1)


def add_function(model: "onnx.ModelProto") -> None:
    """Writes the function's body into a model that uses its node."""
    from onnx import helper, parser

    if not any(node.domain == DOMAIN for node in model.graph.node):
        return
    del model.functions[:]
    model.functions.append(parser.parse_function(_BODY))
    others = [entry for entry in model.opset_import if entry.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend([*others, helper.make_opsetid(DOMAIN, 1)])
