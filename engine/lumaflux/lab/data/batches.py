"""Random crops from the view pool, drawn with a given generator alone: batch ``i`` is the same after a resume."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lumaflux.lab.data.views import FULL_SCALE, SceneViews


class CropSampler:
    """Draws crops [B,3,S,S] in [0,1]; every view is as likely as any other, every scene named with its crop."""

    def __init__(self, scenes: Sequence[SceneViews]):
        if not scenes:
            raise ValueError("a crop sampler needs at least one scene")
        self.scenes = list(scenes)
        self.counts = np.cumsum([len(scene.views) for scene in scenes])

    def draw(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """``count`` crops of ``size`` pixels, mirrored at random; half of them averaged from twice the size."""
        return torch.stack([self._one(size, generator) for _ in range(count)])

    def thinned(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """``count`` views [B,3,S,S] of every second or third pixel: their distribution is nearly the whole view's.

        Scenes are equally likely, whatever their number of views. Raises ValueError where ``size`` is not reached.
        """
        return torch.stack([self._thinned(size, generator) for _ in range(count)])

    def _thinned(self, size: int, generator: torch.Generator) -> Tensor:
        def integer(below: int) -> int:
            return int(torch.randint(below, (), generator=generator))

        views = self.scenes[integer(len(self.scenes))].views
        view = views[integer(len(views))]
        step = min(view.shape[1:]) // size
        if step < 1:
            raise ValueError(f"views of {view.shape[2]}x{view.shape[1]} pixels cannot be thinned to {size}")
        step -= integer(min(step, 2))
        top, left = (integer(side - step * (size - 1)) for side in view.shape[1:])
        picked = view[:, top::step, left::step][:, :size, :size].astype(np.float32) / FULL_SCALE
        crop = torch.from_numpy(picked)
        return crop.flip(-1) if integer(2) else crop

    def _one(self, size: int, generator: torch.Generator) -> Tensor:
        def integer(below: int) -> int:
            return int(torch.randint(below, (), generator=generator))

        index = integer(int(self.counts[-1]))
        scene = int(np.searchsorted(self.counts, index, side="right"))
        views = self.scenes[scene].views
        view = views[index - int(self.counts[scene])]
        height, width = view.shape[1:]
        reduce = 2 if min(height, width) >= 2 * size and integer(2) == 0 else 1
        top, left = integer(height - reduce * size + 1), integer(width - reduce * size + 1)
        cut = view[:, top : top + reduce * size, left : left + reduce * size].astype(np.float32) / FULL_SCALE
        crop = torch.from_numpy(cut)
        if reduce == 2:
            crop = torch.nn.functional.avg_pool2d(crop, 2)
        return crop.flip(-1) if integer(2) else crop
