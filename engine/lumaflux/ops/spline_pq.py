"""``lumaflux::spline_pq``: the tone field after the VAE as one operator over pixels (paper section 3.5).

Its torch expression is the model's (engine/lumaflux/model/spline.py), which registers it here.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lumaflux.ops import launch
from lumaflux.ops.gradient import register_gradient
from lumaflux.ops.sources import MOST_BINS, SPLINE_PQ, Variant

NAME = "lumaflux::spline_pq"
torch.library.define(
    NAME,
    "(Tensor vae_pq, Tensor x, Tensor y, Tensor derivatives, Tensor weight, Tensor bias, float peak_pq) -> Tensor",
)


def spline_pq(
    vae_pq: Tensor, x: Tensor, y: Tensor, derivatives: Tensor, weight: Tensor, bias: Tensor, peak_pq: float
) -> Tensor:
    """PQ R'G'B' [B,3,H,W]; knots [B,K+1]; chroma weight [2,2,1,1] and bias [2]; all fp32 -> PQ in [0, peak_pq].

    The picture may be a part of a larger one: its rows and planes may lie apart. The gradient is the expression's.
    There is no ONNX form: export runs the expression.
    Raises ValueError for shapes that do not fit together.
    """
    return torch.ops.lumaflux.spline_pq(vae_pq, x, y, derivatives, weight, bias, peak_pq)


def check(vae_pq: Tensor, x: Tensor, y: Tensor, derivatives: Tensor) -> None:
    """Raises ValueError for shapes that do not fit together, with the first that does not."""
    if vae_pq.ndim != 4 or vae_pq.shape[1] != 3 or 0 in vae_pq.shape:
        raise ValueError(f"spline_pq: the picture is {list(vae_pq.shape)}; expected at least one pixel, as [B,3,H,W]")
    for name, tensor in (("x", x), ("y", y), ("derivatives", derivatives)):
        if tensor.ndim != 2 or tensor.shape != x.shape or len(tensor) != len(vae_pq):
            raise ValueError(f"spline_pq: {name} is {list(tensor.shape)}; one row of knots a picture, [B,K+1], is due")


def obstacle(vae_pq: Tensor, x: Tensor, y: Tensor, derivatives: Tensor, capability: int | None = None) -> str | None:
    """Why the kernel cannot take these tensors, in one sentence; None where it can."""
    if x.shape[-1] > MOST_BINS + 1:
        return f"{x.shape[-1] - 1} bins are more than the {MOST_BINS} that the kernel keeps"
    if vae_pq.stride(-1) != 1:
        return "the pixels of a row of vae_pq lie apart, and the kernel reads them one after another"
    tensors = {"vae_pq": vae_pq, "x": x, "y": y, "derivatives": derivatives}
    return launch.obstacle(dict(tensors), ("float32",), capability, alignment=4, strided=("vae_pq",))


def call(
    vae_pq: Tensor,
    x: Tensor,
    y: Tensor,
    derivatives: Tensor,
    weight: Tensor,
    bias: Tensor,
    peak_pq: float,
    out: Tensor,
    nits: Tensor | None = None,
) -> tuple[Variant, tuple[int, int, int], list[launch.Argument]]:
    """What the kernel is launched with; ``nits``, where given, takes the light of ``out`` in cd/m2."""
    pixels, width = vae_pq.shape[-2] * vae_pq.shape[-1], vae_pq.shape[-1]
    chroma = torch.cat([weight.flatten(), bias]).float()
    steps = vae_pq.stride()[:3]  # from picture to picture, plane to plane, row to row
    arguments = [vae_pq, x, y, derivatives, chroma, peak_pq, out, nits, pixels, width, *steps, x.shape[-1] - 1]
    return SPLINE_PQ, (-(-pixels // SPLINE_PQ.threads), len(vae_pq), 1), arguments


def kernel(
    vae_pq: Tensor, x: Tensor, y: Tensor, derivatives: Tensor, weight: Tensor, bias: Tensor, peak_pq: float
) -> Tensor:
    """The same by the kernel alone. Raises ValueError, with the reason, where it cannot take the tensors."""
    if reason := obstacle(vae_pq, x, y, derivatives):
        raise ValueError(f"spline_pq: {reason}")
    out = torch.empty(vae_pq.shape, device=vae_pq.device)
    launch.run(*call(vae_pq, x, y, derivatives, weight, bias, peak_pq, out), vae_pq.device)
    return out


def register(expression: Callable[..., Tensor]) -> None:
    """Makes ``expression`` what the operator means wherever the kernel is not."""

    def elsewhere(vae_pq, x, y, derivatives, weight, bias, peak_pq):
        check(vae_pq, x, y, derivatives)
        return expression(vae_pq, x, y, derivatives, weight, bias, peak_pq)

    def on_cuda(vae_pq, x, y, derivatives, weight, bias, peak_pq):
        check(vae_pq, x, y, derivatives)
        chosen = expression if obstacle(vae_pq, x, y, derivatives) else kernel
        return chosen(vae_pq, x, y, derivatives, weight, bias, peak_pq)

    torch.library.impl(NAME, "default", elsewhere)
    torch.library.impl(NAME, "cuda", on_cuda)
    register_gradient(NAME, expression)


torch.library.register_fake(NAME, lambda vae_pq, *_: vae_pq.new_empty(vae_pq.shape))
