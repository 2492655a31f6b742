"""Stage 2: the semantic tower, by the sigmoid loss between two views of a picture (Zhai et al. 2023, eq. 1).

The views are different crops of one master under different renderings: what stays is the content, not the tone.
"""

import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from transformers import SiglipVisionConfig, SiglipVisionModel

from lumaflux.errors import UserError
from lumaflux.lab.data.batches import CropSampler
from lumaflux.lab.data.imperfections import imperfections
from lumaflux.lab.data.random_rendering import render_random
from lumaflux.lab.training.checkpoint import write_tensors
from lumaflux.lab.training.config import TrainConfig, training_views
from lumaflux.lab.training.losses import sigmoid_contrastive
from lumaflux.lab.training.tracking import grid
from lumaflux.model.config import read_config
from lumaflux.model.frozen_shapes import is_mobilenet

RESULT = "siglip.safetensors"


class TowerStage:
    """``crop`` is the side of the master crop from which both views are cut."""

    def __init__(self, config: TrainConfig, device: torch.device | None = None):
        self.config = config
        self.device = device or torch.device("cpu")
        torch.manual_seed(config.seed)
        shape = read_config(config.model).siglip
        self.size = int(shape["image_size"])
        if is_mobilenet(shape):
            raise UserError(
                "MobileNetV2 is not trained here: python -m lumaflux.lab.training.tflite_weights reads its weights"
            )
        self.tower: Any = SiglipVisionModel(SiglipVisionConfig(**shape))
        self.tower.to(self.device)
        self.scale = nn.Parameter(torch.tensor(math.log(10.0), device=self.device))
        self.bias = nn.Parameter(torch.tensor(-10.0, device=self.device))
        self.masters = CropSampler(training_views(config, "train"))
        self.unseen = CropSampler(training_views(config, "validation"))

    def parameters(self) -> dict[str, nn.Parameter]:
        return {**dict(self.tower.named_parameters()), "contrast.scale": self.scale, "contrast.bias": self.bias}

    def _views(self, masters: Tensor, generator: torch.Generator) -> Tensor:
        """One crop and rendering of each master -> [B,3,size,size] in [-1,1]."""
        side = masters.shape[-1]
        cut = []
        for master in masters:
            size = side - int(torch.randint(side // 2, (), generator=generator))
            top, left = (int(torch.randint(side - size + 1, (), generator=generator)) for _ in range(2))
            crop = master[None, :, top : top + size, left : left + size]
            cut.append(F.interpolate(crop, (self.size, self.size), mode="bilinear", align_corners=False))
        return 2 * imperfections(render_random(torch.cat(cut), generator), generator) - 1

    def _embeddings(self, masters: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            pixels = torch.cat([self._views(masters, generator), self._views(masters, generator)])
        pooled = self.tower(pixel_values=pixels.to(self.device)).pooler_output
        first, second = F.normalize(pooled, dim=-1).chunk(2)
        return first, second

    def frozen(self) -> dict[str, Tensor]:
        return {}

    def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        first, second = self._embeddings(self.masters.draw(count, self.config.crop, generator), generator)
        return {"total": sigmoid_contrastive(first, second, self.scale, self.bias)}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """How often a view of an unseen scene finds its partner among 32."""
        generator = torch.Generator().manual_seed(0)
        first, second = self._embeddings(self.unseen.draw(32, self.config.crop, generator), generator)
        found = (first @ second.T).argmax(dim=1) == torch.arange(len(first), device=self.device)
        return {"retrieval": float(found.float().mean())}

    def pictures(self) -> dict[str, Image.Image]:
        """Pairs of views that should find each other."""
        generator = torch.Generator().manual_seed(0)
        masters = self.unseen.draw(6, self.config.crop, generator)
        return {"views": grid([0.5 * self._views(masters, generator) + 0.5 for _ in range(2)])}

    def finish(self, out: Path) -> None:
        write_tensors(self.tower.state_dict(), out / RESULT, {"stage": "tower"})
