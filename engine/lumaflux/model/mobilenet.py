"""MobileNetV2 in plain torch (Sandler et al. 2018): the names and the bits of transformers' MobileNetV2Model.

The shipped tower. Convolutions are padded as TensorFlow pads them, where its weights come from.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

_EXPANSION = 6
_NORM_EPS = 1e-3
_FIRST, _LAST = 32, 1280  # channels
# Channels and stride of every residual: Table 2 of the paper, without its first, which is part of the stem.
_RESIDUALS = (
    *((24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1)),
    *((64, 1), (96, 1), (96, 1), (96, 1), (160, 2), (160, 1), (160, 1), (320, 1)),
)
_STEM = 16


@dataclass(frozen=True, kw_only=True)
class Features:
    """``last_hidden_state`` [B,1280,S/32,S/32]."""

    last_hidden_state: Tensor


class _Layer(nn.Module):
    def __init__(
        self, channels: int, out: int, side: int = 1, stride: int = 1, *, apart: bool = False, bounded: bool = True
    ):
        super().__init__()
        groups = channels if apart else 1
        self.convolution = nn.Conv2d(channels, out, side, stride, groups=groups, bias=False)
        self.normalization = nn.BatchNorm2d(out, eps=_NORM_EPS, momentum=0.997)
        self._side, self._stride, self._bounded = side, stride, bounded

    def forward(self, x: Tensor) -> Tensor:
        height, width = (self._padding(length) for length in x.shape[-2:])
        x = self.normalization(self.convolution(F.pad(x, (*width, *height))))
        return F.relu6(x) if self._bounded else x

    def _padding(self, length: int) -> tuple[int, int]:
        """Before and after: the output has a sample for every step that begins inside, and odd room goes after."""
        room = max(0, self._side - (length % self._stride or self._stride))
        return room // 2, room - room // 2


class _Stem(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first_conv = _Layer(3, _FIRST, 3, 2)
        self.conv_3x3 = _Layer(_FIRST, _FIRST, 3, apart=True)
        self.reduce_1x1 = _Layer(_FIRST, _STEM, bounded=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.reduce_1x1(self.conv_3x3(self.first_conv(x)))


class _Residual(nn.Module):
    def __init__(self, channels: int, out: int, stride: int):
        super().__init__()
        wide = _EXPANSION * channels
        self._adds = stride == 1 and channels == out
        self.expand_1x1 = _Layer(channels, wide)
        self.conv_3x3 = _Layer(wide, wide, 3, stride, apart=True)
        self.reduce_1x1 = _Layer(wide, out, bounded=False)

    def forward(self, x: Tensor) -> Tensor:
        made = self.reduce_1x1(self.conv_3x3(self.expand_1x1(x)))
        return x + made if self._adds else made


class MobileNetV2(nn.Module):
    """Pictures [B,3,S,S] in [-1,1] -> :class:`Features`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = _Stem()
        before = (_STEM, *(out for out, _ in _RESIDUALS[:-1]))
        self.layer = nn.ModuleList(
            _Residual(channels, out, stride) for channels, (out, stride) in zip(before, _RESIDUALS, strict=True)
        )
        self.conv_1x1 = _Layer(_RESIDUALS[-1][0], _LAST)

    def forward(self, pixel_values: Tensor) -> Features:
        x = self.conv_stem(pixel_values)
        for residual in self.layer:
            x = residual(x)
        return Features(last_hidden_state=self.conv_1x1(x))
