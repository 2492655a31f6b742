"""The small autoencoder and the MobileNetV2 tower behind the interfaces of AutoencoderKL and SigLIP."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lumaflux.backends.torch import TorchBackend
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.model.autoencoder import build_autoencoder, latents_of, pixels_of
from lumaflux.model.bare import BareTransformer
from lumaflux.model.build import build
from lumaflux.model.checkpoint import load_model, save_model
from lumaflux.model.config import config_from_json
from lumaflux.model.frozen_shapes import MOBILENET, MOBILENET_WIDTH, finest_channels, latent_stride, token_count
from lumaflux.model.latents import pack
from lumaflux.model.presets import FLUX_DEV, TINY_FLUX
from lumaflux.model.tower import build_tower, tokens_of

VAE = {"architecture": "tiny", "latent_channels": 4, "channels": 8, "scaling_factor": 1.2, "shift_factor": 0.1}
TOWER = {"architecture": MOBILENET, "hidden_size": MOBILENET_WIDTH, "image_size": 64}
SMALL = replace(TINY_FLUX, name="small", vae=VAE, siglip=TOWER)


@pytest.fixture(scope="module")
def model():
    return build(SMALL, seed=0)


def test_sizes_that_follow_from_the_architecture():
    assert (SMALL.vae_stride, SMALL.token_stride, SMALL.latent_channels) == (8, 16, 4)
    assert (latent_stride(FLUX_DEV.vae), finest_channels(FLUX_DEV.vae), finest_channels(VAE)) == (8, 128, 8)
    assert (token_count(TOWER), token_count({**TOWER, "image_size": 224}), FLUX_DEV.siglip_tokens) == (4, 49, 729)


def test_the_small_autoencoder_maps_pictures_to_latents_and_back():
    torch.manual_seed(0)
    vae = build_autoencoder(VAE).eval()
    pictures = 2 * torch.rand(2, 3, 32, 48) - 1
    latents = latents_of(vae, pictures)
    assert latents.shape == (2, 4, 4, 6)
    assert pixels_of(vae, latents).shape == pictures.shape
    moved = pictures.clone()
    moved[0, :, :8, :8] += 0.5  # the other picture of a batch is no neighbour
    assert torch.equal(latents_of(vae, moved)[1], latents[1])


def test_its_latents_are_softly_bounded():
    vae = build_autoencoder(VAE).eval()
    large = torch.full((1, 4, 2, 2), 60.0)
    torch.testing.assert_close(pixels_of(vae, large), pixels_of(vae, 2 * large), rtol=0, atol=1e-6)


def test_tokens_of_mobilenet_are_its_last_map_row_by_row():
    torch.manual_seed(0)
    tower = build_tower(TOWER).eval()
    picture = 2 * torch.rand(1, 3, 64, 64) - 1
    tokens = tokens_of(tower, picture)
    assert tokens.shape == (1, 4, MOBILENET_WIDTH)
    states = tower(pixel_values=picture).last_hidden_state
    assert torch.equal(tokens[0, 1], states[0, :, 0, 1])


def test_adapted_transformer_starts_as_the_frozen_one_bit_for_bit(model):
    frame = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        conditions = model.condition(frame)
        z, t = model.encode(model.start(frame)), torch.tensor([0.7])
        steered = model.token_velocity(pack(z), t, conditions, model.psi(t))
        assert torch.equal(steered, BareTransformer(model)(z, t, conditions))


def test_a_model_with_both_survives_its_files(model, tmp_path: Path):
    save_model(model, tmp_path, base_model="small", dtype=torch.float32)
    frame = torch.rand(3, 40, 56, generator=torch.Generator().manual_seed(2))
    first, second = (Converter(TorchBackend(m)).convert(frame).hdr_pq for m in (model, load_model(tmp_path)))
    assert torch.equal(first, second)


@pytest.mark.parametrize(("part", "name"), [("vae", "autoencoder"), ("siglip", "tower")])
def test_an_unknown_architecture_is_named(part: str, name: str):
    content = SMALL.to_json()
    content[part] = {**content[part], "architecture": "perceptron"}
    with pytest.raises(UserError, match=f'names the {name} "perceptron"'):
        config_from_json(content)


def test_a_mobilenet_of_another_width_is_refused():
    content = SMALL.to_json()
    content["siglip"] = {**TOWER, "hidden_size": 640}
    with pytest.raises(UserError, match="1280 channels"):
        config_from_json(content)
