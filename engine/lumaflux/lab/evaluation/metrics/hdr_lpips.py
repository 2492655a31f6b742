"""HDR-LPIPS: LPIPS v0.1 (Zhang et al. 2018, AlexNet) on PU21 values; no standard exists, the definition is here.

Linear BT.2020 cd/m2 -> PU21 banding_glare per channel -> / 595.394 * 2 - 1 -> LPIPS. Weights are the user's own: a
safetensors file with torchvision's AlexNet ``features.*`` and the linear heads ``lin0`` .. ``lin4``.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from lumaflux.color import pu21
from lumaflux.errors import UserError
from lumaflux.lab.evaluation.metrics.frames import check_pair, in_strips

NORMALISER = 595.394  # PU21 of 10000 cd/m2
OPTIONS = {"encoding": "PU21 banding_glare", "normaliser": NORMALISER, "net": "LPIPS v0.1 alex", "resize": None}
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
# torchvision's index, stride, padding, and whether 3x3 max pooling of stride 2 comes first
_CONVOLUTIONS = ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False))


class HdrLpips:
    """Distance of pictures in cd/m2; raises UserError when the weights file is not what it must be."""

    def __init__(self, weights: Path):
        from lumaflux.model.checkpoint import read_tensors

        tensors, _ = read_tensors(weights)
        try:
            self._layers = [
                (_last(tensors[f"features.{index}.weight"]), tensors[f"features.{index}.bias"].float())
                for index, *_ in _CONVOLUTIONS
            ]
            self._heads = [_head(tensors, number) for number in range(len(_CONVOLUTIONS))]
        except KeyError as error:
            raise UserError(f"{weights} lacks {error}; it must hold AlexNet features.* and lin0..lin4") from None

    @torch.no_grad()
    def __call__(self, test_nits: Tensor, reference_nits: Tensor) -> Tensor:
        """[B,3,H,W] in cd/m2 each -> distance [B]."""
        check_pair(test_nits, reference_nits)
        distance = torch.zeros(len(test_nits), dtype=torch.float64)
        features = zip(self._features(test_nits), self._features(reference_nits), self._heads, strict=True)
        for test, reference, head in features:
            difference = _unit(test).sub_(_unit(reference)).square_()
            distance += F.conv2d(difference, head).mean(dim=(1, 2, 3), dtype=torch.float64)
        return distance

    def _features(self, nits: Tensor) -> Iterator[Tensor]:
        x = in_strips(_normalised, nits).contiguous(memory_format=torch.channels_last)
        for (weight, bias), (_, stride, padding, pooled) in zip(self._layers, _CONVOLUTIONS, strict=True):
            x = F.max_pool2d(x, 3, 2) if pooled else x
            x = F.relu(F.conv2d(x, weight, bias, stride=stride, padding=padding))
            yield x


def _normalised(nits: Tensor) -> Tensor:
    x = pu21.encode(nits.float()) / NORMALISER * 2 - 1
    return (x - x.new_tensor(_SHIFT).view(3, 1, 1)) / x.new_tensor(_SCALE).view(3, 1, 1)


def _head(tensors: dict[str, Tensor], number: int) -> Tensor:
    for name in (f"lin{number}.model.1.weight", f"lin{number}.weight"):
        if name in tensors:
            return tensors[name].float().view(1, -1, 1, 1)
    raise KeyError(f"lin{number}.model.1.weight")


def _last(weight: Tensor) -> Tensor:
    """Channels last: these convolutions and poolings take two thirds of the time so."""
    return weight.float().contiguous(memory_format=torch.channels_last)


def _unit(x: Tensor) -> Tensor:
    return x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + 1e-10)
