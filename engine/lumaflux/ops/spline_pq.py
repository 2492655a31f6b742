"""``lumaflux::spline_pq``: the tone field after the VAE as one operator over pixels (paper section 3.5).

Its torch expression is the model's (engine/lumaflux/model/spline.py), which registers it here.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.gradient import register_gradient
from lumaflux.ops.operator import Call, Operator
from lumaflux.ops.sources import MOST_BINS, SPLINE_PQ

_ROWS = 4  # of a thread


class Inputs(NamedTuple):
    """PQ R'G'B' [B,3,H,W]; knots [B,K+1]; chroma weight [2,2,1,1] and bias [2]; all fp32 -> PQ in [0, peak_pq].

    The picture may be a part of a larger one: its rows and planes may lie apart. The gradient is the expression's.
    There is no ONNX form: export runs the expression.
    """

    vae_pq: Tensor
    x: Tensor
    y: Tensor
    derivatives: Tensor
    weight: Tensor
    bias: Tensor
    peak_pq: float


def _check(given: Inputs) -> None:
    picture, x = given.vae_pq, given.x
    if picture.ndim != 4 or picture.shape[1] != 3 or 0 in picture.shape:
        raise ValueError(f"spline_pq: the picture is {list(picture.shape)}; expected at least one pixel, as [B,3,H,W]")
    for name in ("x", "y", "derivatives"):
        tensor = getattr(given, name)
        if tensor.ndim != 2 or tensor.shape != x.shape or len(tensor) != len(picture):
            raise ValueError(f"spline_pq: {name} is {list(tensor.shape)}; one row of knots a picture, [B,K+1], is due")


def _obstacle(given: Inputs, capability: int | None = None) -> str | None:
    bins = given.x.shape[-1] - 1
    if bins > MOST_BINS:
        return f"{bins} bins are more than the {MOST_BINS} that the kernel keeps"
    if given.vae_pq.stride(-1) != 1:
        return "the pixels of a row of vae_pq lie apart, and the kernel reads them one after another"
    tensors = {name: getattr(given, name) for name in ("vae_pq", "x", "y", "derivatives")}
    return launch.obstacle(tensors, ("float32",), capability, alignment=4, strided=("vae_pq",))


def call(given: Inputs, out: Tensor, nits: Tensor | None = None) -> Call:
    """What the kernel is launched with; ``nits``, where given, takes the light of ``out`` in cd/m2."""
    picture, bins = given.vae_pq, given.x.shape[-1] - 1
    height, width = picture.shape[-2:]
    chroma = torch.cat([given.weight.flatten(), given.bias]).float()
    steps = picture.stride()[:3]  # from picture to picture, plane to plane, row to row
    arguments = [*given[:4], chroma, given.peak_pq, out, nits, height, width, *steps, bins]
    grid = (-(-width // SPLINE_PQ.threads), -(-height // _ROWS), len(picture))
    return Call(SPLINE_PQ, grid, arguments)


spline_pq = Operator("spline_pq", Inputs, check=_check, obstacle=_obstacle, call=call)
kernel, obstacle = spline_pq.kernel, spline_pq.obstacle


def register(expression: Callable[..., Tensor]) -> None:
    """Makes ``expression`` what the operator means wherever the kernel is not."""
    spline_pq.register(expression)
    register_gradient(spline_pq.qualified, expression)


spline_pq.register_fake(lambda vae_pq, *_: vae_pq.new_empty(vae_pq.shape))
