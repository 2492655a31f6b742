"""Linear layers whose weights are stored in eight bits: float8 e4m3 with one scale an output channel.

The scale is a power of two, which every type holds exactly: the only rounding is that of the weights, to 3 bits of
mantissa. Both are stored as integers, so that ``to(dtype)`` leaves them alone. Products are in the input's type, or, of
layers that are ``scaled``, in eight bits themselves: the input is rounded to e4m3 by one scale a token.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LARGEST = 448.0  # of e4m3fn
_LEAST_SCALE = 1e-12  # of a token: one of zeros stays zeros
_MULTIPLE = 16  # of both sides of a matrix that is multiplied in eight bits


class Fp8Linear(nn.Module):
    """[..., in] -> [..., out], as nn.Linear; ``set_weight`` quantizes."""

    weight: Tensor  # uint8 [out,in]: the bits of float8_e4m3fn
    exponent: Tensor  # int8 [out,1]: of two

    def __init__(
        self, inputs: int, outputs: int, *, bias: bool, device: torch.device | None = None, scaled: bool = False
    ):
        super().__init__()
        self.scaled = scaled and inputs % _MULTIPLE == 0 and outputs % _MULTIPLE == 0
        self.in_features, self.out_features = inputs, outputs
        self.register_buffer("weight", torch.zeros(outputs, inputs, dtype=torch.uint8, device=device))
        self.register_buffer("exponent", torch.zeros(outputs, 1, dtype=torch.int8, device=device))
        self.bias = nn.Parameter(torch.zeros(outputs, device=device), requires_grad=False) if bias else None

    def set_weight(self, weight: Tensor) -> None:
        """Quantizes ``weight`` [out,in] on its device, where the result stays."""
        self.weight, self.exponent = quantized(weight)

    def forward(self, x: Tensor) -> Tensor:
        if self.scaled:
            return scaled_product(x, self.weight, self.exponent, self.bias)
        return F.linear(x, dequantized(self.weight, self.exponent, x.dtype), self.bias)


def quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A finite matrix [out,in] -> bits of e4m3 (uint8) and exponents (int8 [out,1])."""
    largest = weight.abs().amax(dim=1, keepdim=True).float()
    exponent = torch.where(largest > 0, torch.ceil(torch.log2(largest / _LARGEST)), 0.0).clamp(-126, 126)
    scaled = (weight.float() * torch.exp2(-exponent)).clamp(-_LARGEST, _LARGEST)
    return scaled.to(torch.float8_e4m3fn).view(torch.uint8), exponent.to(torch.int8)


def dequantized(bits: Tensor, exponent: Tensor, dtype: torch.dtype) -> Tensor:
    """The matrix [out,in] that ``quantized`` stands for, in ``dtype``."""
    return bits.view(torch.float8_e4m3fn).to(dtype).mul_(torch.exp2(exponent.to(dtype)))


def scaled_product(x: Tensor, bits: Tensor, exponent: Tensor, bias: Tensor | None) -> Tensor:
    """x [...,in] by the matrix that ``bits`` [out,in] and ``exponent`` [out,1] stand for, in eight bits: [...,out].

    Each token is scaled to e4m3's range by its own largest value; sums are in float32, the result is rounded to bf16
    (torch._scaled_mm with a scale a row, as cards from compute capability 8.9 on have it).
    """
    rows = x.reshape(-1, x.shape[-1]).float()
    scale = (rows.abs().amax(dim=1, keepdim=True) / _LARGEST).clamp(min=_LEAST_SCALE)
    made = torch._scaled_mm(
        (rows / scale).to(torch.float8_e4m3fn),
        bits.view(torch.float8_e4m3fn).t(),
        scale_a=scale,
        scale_b=torch.exp2(exponent.float()).t(),
        out_dtype=torch.bfloat16,
    ).to(x.dtype)
    return (made if bias is None else made + bias).unflatten(0, x.shape[:-1])


def quantize_blocks(transformer: nn.Module, *, scaled: bool = False) -> None:
    """Puts an Fp8Linear, still without weights, in the place of every linear layer of the transformer's blocks."""
    for block in blocks_of(transformer):
        for module in list(block.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Linear):
                    bias, device = child.bias is not None, child.weight.device
                    shape = child.in_features, child.out_features
                    setattr(module, name, Fp8Linear(*shape, bias=bias, device=device, scaled=scaled))


def blocks_of(transformer: nn.Module) -> Iterator[nn.Module]:
    """The blocks of a FLUX transformer in the order in which they are evaluated."""
    for stream in ("transformer_blocks", "single_transformer_blocks"):
        yield from getattr(transformer, stream)
