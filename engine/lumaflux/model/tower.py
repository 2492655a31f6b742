"""The frozen semantic tower behind one interface, image tokens [B,s,d_s]: SigLIP, as published, or MobileNetV2.

The tokens of MobileNetV2 (Sandler et al. 2018) are its last feature map, row by row: 7 x 7 of 1280 channels at 224 px.
"""

from typing import Any

from torch import Tensor, nn

from lumaflux.errors import UserError
from lumaflux.model.frozen_shapes import MOBILENET, Shape, is_mobilenet
from lumaflux.model.mobilenet import MobileNetV2

_MOBILENET_ENTRIES = ("architecture", "hidden_size", "image_size")


def build_tower(siglip: Shape) -> nn.Module:
    """A randomly initialised tower of a configuration's ``siglip``."""
    if is_mobilenet(siglip):
        if unknown := sorted(set(siglip) - set(_MOBILENET_ENTRIES)):
            raise UserError(f"config.json: a {MOBILENET} tower has no {', '.join(unknown)}; leave them out")
        return MobileNetV2()
    from transformers import SiglipVisionConfig, SiglipVisionModel  # imported in seconds: only where it is wanted

    return SiglipVisionModel(SiglipVisionConfig(**siglip))


def tokens_of(tower: Any, pixels: Tensor) -> Tensor:
    """A square picture [B,3,S,S] in [-1,1] -> tokens [B,s,d_s], row by row."""
    states = tower(pixel_values=pixels).last_hidden_state
    return states.flatten(2).transpose(1, 2) if isinstance(tower, MobileNetV2) else states
