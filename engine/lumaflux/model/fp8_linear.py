"""Linear layers whose weights are stored in eight bits: float8 e4m3 with one scale an output channel.

The scale is a power of two, which every type holds exactly: the only rounding is that of the weights, to 3 bits of
mantissa. Products are in the input's type. Both are stored as integers, so that ``to(dtype)`` leaves them alone.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LARGEST = 448.0  # of e4m3fn


class Fp8Linear(nn.Module):
    """[..., in] -> [..., out], as nn.Linear; ``set_weight`` quantizes."""

    weight: Tensor  # uint8 [out,in]: the bits of float8_e4m3fn
    exponent: Tensor  # int8 [out,1]: of two

    def __init__(self, inputs: int, outputs: int, *, bias: bool, device: torch.device | None = None):
        super().__init__()
        self.in_features, self.out_features = inputs, outputs
        self.register_buffer("weight", torch.zeros(outputs, inputs, dtype=torch.uint8, device=device))
        self.register_buffer("exponent", torch.zeros(outputs, 1, dtype=torch.int8, device=device))
        self.bias = nn.Parameter(torch.zeros(outputs, device=device), requires_grad=False) if bias else None

    def set_weight(self, weight: Tensor) -> None:
        """Quantizes ``weight`` [out,in] on its device, where the result stays."""
        self.weight, self.exponent = quantized(weight)

    def forward(self, x: Tensor) -> Tensor:
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


def quantize_blocks(transformer: nn.Module) -> None:
    """Puts an Fp8Linear, still without weights, in the place of every linear layer of the transformer's blocks."""
    for block in blocks_of(transformer):
        for module in list(block.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Linear):
                    bias, device = child.bias is not None, child.weight.device
                    setattr(module, name, Fp8Linear(child.in_features, child.out_features, bias=bias, device=device))


def blocks_of(transformer: nn.Module) -> Iterator[nn.Module]:
    """The blocks of a FLUX transformer in the order in which they are evaluated."""
    for stream in ("transformer_blocks", "single_transformer_blocks"):
        yield from getattr(transformer, stream)
