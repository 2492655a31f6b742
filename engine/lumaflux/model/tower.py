"""The frozen semantic tower behind one interface, image tokens [B,s,d_s]: SigLIP, as published, or MobileNetV2.

The tokens of MobileNetV2 (Sandler et al. 2018) are its last feature map, row by row: 7 x 7 of 1280 channels at 224 px.
"""

from typing import Any

from torch import Tensor, nn
from transformers import MobileNetV2Config, MobileNetV2Model, SiglipVisionConfig, SiglipVisionModel

from lumaflux.model.frozen_shapes import Shape, is_mobilenet

_OWN_ENTRIES = ("architecture", "hidden_size")  # of a configuration: not MobileNetV2Config's


def build_tower(siglip: Shape) -> nn.Module:
    """A randomly initialised tower of a configuration's ``siglip``."""
    if is_mobilenet(siglip):
        arguments = {key: value for key, value in siglip.items() if key not in _OWN_ENTRIES}
        return MobileNetV2Model(MobileNetV2Config(**arguments), add_pooling_layer=False)
    return SiglipVisionModel(SiglipVisionConfig(**siglip))


def tokens_of(tower: Any, pixels: Tensor) -> Tensor:
    """A square picture [B,3,S,S] in [-1,1] -> tokens [B,s,d_s], row by row."""
    states = tower(pixel_values=pixels).last_hidden_state
    return states.flatten(2).transpose(1, 2) if isinstance(tower, MobileNetV2Model) else states
