"""Masters that lie on a device whole, and crops of them drawn there, a batch at a time.

Views are cut and mirrored as lumaflux.lab.data.batches does one by one. Panoramas are smaller for what they hold: every
sample is the picture of a camera of its own.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.lab.data.draws import normal, rand, uniform
from lumaflux.lab.data.mastering import shoulder
from lumaflux.lab.data.views import FULL_SCALE, SceneViews

FOV, PITCH_DEVIATION, LARGEST_PITCH = (60.0, 100.0), 18.0, 60.0  # degrees, as lumaflux.lab.data.views.ViewPlan


def _on_device(codes: NDArray[np.uint16], device: torch.device) -> Tensor:
    """uint16 as the bits of int16, which every device gathers."""
    return torch.from_numpy(np.ascontiguousarray(codes).view(np.int16)).to(device)


def _signals(bits: Tensor) -> Tensor:
    return (bits.int() & 0xFFFF).float() / FULL_SCALE


def _below(limit: Tensor | int, count: int, generator: torch.Generator) -> Tensor:
    """Whole numbers from 0 to ``limit`` - 1, one a sample."""
    return (rand((count,), generator) * limit).long().clamp(max=limit - 1)


class Masters(Protocol):
    """What draws masters on a device."""

    device: torch.device

    def draw(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """``count`` of them, PQ/BT.2020 [B,3,S,S]."""
        ...


class ResidentViews:
    """All views [N,3,S,S] of ``scenes`` on ``device``. Raises UserError where their sizes differ."""

    def __init__(self, scenes: Sequence[SceneViews], device: torch.device):
        if len(sizes := {scene.views.shape[1:] for scene in scenes}) != 1:
            raise UserError(
                f"views of {len(sizes)} sizes cannot lie in one tensor; make the pool with one size of view"
            )
        self.device = device
        self.views = _on_device(np.concatenate([scene.views for scene in scenes]), device)
        counts = torch.tensor([len(scene.views) for scene in scenes])
        self._count, self._first = counts.to(device), (counts.cumsum(0) - counts).to(device)

    def draw(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """``count`` crops [B,3,S,S] in [0,1], mirrored at random; half of them averaged from twice the size."""
        height, width = self.views.shape[-2:]
        self._check(size)
        half = (rand((count,), generator) < 0.5) & (min(height, width) >= 2 * size)
        step = torch.where(half, 2, 1)
        index = _below(len(self.views), count, generator)
        corner = [_below(side - step * size + 1, count, generator) for side in (height, width)]
        whole = self._picked(index, corner, step, size, generator)
        return whole

    def thinned(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """``count`` views [B,3,S,S] of every n-th pixel; scenes are equally likely."""
        height, width = self.views.shape[-2:]
        self._check(size)
        largest = min(height, width) // size
        scene = _below(len(self._count), count, generator)
        index = self._first[scene] + _below(self._count[scene], count, generator)
        step = largest - _below(min(largest, 2), count, generator)
        corner = [_below(side - step * (size - 1), count, generator) for side in (height, width)]
        return self._picked(index, corner, step, size, generator, average=False)

    def _check(self, size: int) -> None:
        height, width = self.views.shape[-2:]
        if min(height, width) < size:
            raise UserError(f"views of {width}x{height} pixels hold no crop of {size}; choose a smaller crop")

    def _picked(
        self,
        index: Tensor,
        corner: Sequence[Tensor],
        step: Tensor,
        size: int,
        generator: torch.Generator,
        *,
        average: bool = True,
    ) -> Tensor:
        """Every ``step``-th pixel from ``corner`` on, or the average of 2x2 where the step is 2."""
        along = torch.arange(size, device=self.device)
        mirrored = (rand((len(index),), generator) < 0.5)[:, None]
        across = torch.where(mirrored, along.flip(0), along)
        top, left = (part[:, None] for part in corner)
        spacing = step[:, None]

        def picked(down: Tensor | int, right: Tensor | int) -> Tensor:
            rows, columns = top + spacing * along + down, left + spacing * across + right
            found = self.views[index[:, None, None], :, rows[:, :, None], columns[:, None, :]]  # [B,S,S,3]
            return _signals(found).permute(0, 3, 1, 2)

        if not average:
            return picked(0, 0).contiguous()
        one = spacing - 1  # 0: the same pixel four times
        return 0.25 * (picked(0, 0) + picked(one, 0) + picked(0, one) + picked(one, one))


class ResidentPanoramas:
    """Equirectangular light [N,3,h,w] on ``device``; a camera of its own draws every sample, which is mastered there.

    Codes uint16 of PQ to 10,000 cd/m2, at the mastering convention's exposure (lumaflux.lab.data.panoramas).
    """

    def __init__(self, codes: NDArray[np.uint16], device: torch.device):
        self.device = device
        self.panoramas = _on_device(codes, device)

    def draw(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """``count`` masters [B,3,S,S], PQ/BT.2020 up to 1000 cd/m2: yaw, pitch, field of view and mirroring drawn."""
        degrees = math.pi / 180
        yaw = uniform((count, 1, 1), -math.pi, math.pi, generator)
        pitch = (PITCH_DEVIATION * normal((count, 1, 1), generator)).clamp(-LARGEST_PITCH, LARGEST_PITCH) * degrees
        half = (uniform((count, 1, 1), *FOV, generator) * degrees / 2).tan()
        half = torch.where(rand((count, 1, 1), generator) < 0.5, half, -half)  # x mirrored
        index = _below(len(self.panoramas), count, generator)
        return pq.inverse_eotf(shoulder(self.light(index, yaw, pitch, half, size)))

    def thinned(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """The same: a camera's whole view at any size."""
        return self.draw(count, size, generator)

    def light(self, index: Tensor, yaw: Tensor, pitch: Tensor, half: Tensor, size: int) -> Tensor:
        """Rectilinear views [B,3,S,S] in cd/m2, bilinear in linear light (lumaflux.lab.data.camera.view).

        Angles in radians; ``half``: the tangent of half the field of view, negative for mirrored; all [B,1,1].
        """
        rows, columns = self.panoramas.shape[-2:]
        centres = (torch.arange(size, device=self.device) + 0.5) / size * 2 - 1
        x, y = half * centres[None, None, :], -half.abs() * centres[None, :, None]
        up = y * pitch.cos() + pitch.sin()
        ahead = pitch.cos() - y * pitch.sin()
        right = x * yaw.cos() + ahead * yaw.sin()
        forward = ahead * yaw.cos() - x * yaw.sin()
        length = (up * up + right * right + forward * forward).sqrt()
        u = (torch.atan2(right, forward) / (2 * math.pi) + 0.5) * columns - 0.5
        v = (0.5 - (up / length).clamp(-1, 1).asin() / math.pi) * rows - 0.5
        left, top = u.floor(), v.floor()
        fu, fv = ((part - part.floor()).unsqueeze(1) for part in (u, v))
        x0, y0 = left.long(), top.long()
        x0, x1 = x0 % columns, (x0 + 1) % columns
        y0, y1 = y0.clamp(0, rows - 1), (y0 + 1).clamp(0, rows - 1)

        def nits(down: Tensor, across: Tensor) -> Tensor:
            found = self.panoramas[index[:, None, None], :, down, across]
            return pq.eotf(_signals(found).permute(0, 3, 1, 2))

        upper = nits(y0, x0) * (1 - fu) + nits(y0, x1) * fu
        lower = nits(y1, x0) * (1 - fu) + nits(y1, x1) * fu
        return upper * (1 - fv) + lower * fv
