"""``--look``: the shipped model with a look renders another tone, and counts as another model."""

import pytest
import torch

from lumaflux.errors import UserError
from lumaflux.inference.load import load
from lumaflux.inference.weights import weights_identity
from lumaflux.model.look_file import TRAINED, tone_digest, write_look
from lumaflux.options import ModelOptions
from lumaflux.settings import Settings


def test_a_look_changes_the_tone_and_the_name_of_the_model(tmp_path):
    plain = load("lite")
    predictor = plain.backend.network.adapters.tone_predictor
    tensors = {name: p.detach().clone() for name, p in predictor.named_parameters() if name in TRAINED}
    tensors["line"][:, 0] -= 1.0  # a stop darker
    path = tmp_path / "darker.safetensors"
    write_look(path, tensors, tone_digest(predictor), {})
    frame = 0.1 + 0.5 * torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0))
    settings = Settings(highlight_recovery=0.0, graphics_white="off")
    before, after = plain.render(frame, settings), load("lite", look=path).render(frame, settings)
    assert float((after - before).mean()) < -0.03  # of PQ
    assert weights_identity(ModelOptions(look=path)) != weights_identity(ModelOptions())
    with pytest.raises(UserError, match="is missing; make it by lumaflux learn"):
        weights_identity(ModelOptions(look=tmp_path / "none.safetensors"))
