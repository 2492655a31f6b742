"""Previews of klein: its normalised latents through the small autoencoder that ships, whole and in tiles."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_klein import SMALL

import lumaflux
from lumaflux.backends.torch import TorchBackend
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.inference.load import load
from lumaflux.inference.weights import LITE, rendering_identity
from lumaflux.lab.bench.flux_rehearsal import write_release
from lumaflux.model.build import build
from lumaflux.model.presets import FLUX_DEV
from lumaflux.model.small_decoder import check_small_decoder, small_decoder
from lumaflux.options import ModelOptions
from lumaflux.settings import Settings

WIDE = replace(
    SMALL,
    transformer={**SMALL.transformer, "in_channels": 128},
    vae={**SMALL.vae, "latent_channels": 32},
)


@pytest.fixture(scope="module")
def decoder():
    return small_decoder(WIDE, LITE)


def test_a_picture_comes_back_through_the_latents_of_klein(decoder):
    """Latents that klein's transformer would give, were its autoencoder the one which the small one was distilled of:
    they stand in its own space, normalised, and whatever statistics the file holds do not enter."""
    model = build(WIDE, seed=0)
    model.vae.bn.running_mean.fill_(3.0)
    model.decoder = decoder
    across = torch.linspace(0.2, 0.8, 64).expand(1, 3, 48, 64)
    with torch.inference_mode():
        shown = model.decode_latents(decoder.latents(2 * across - 1))
    assert (shown - across).abs().mean() < 0.04


def test_tiles_meet_without_a_seam(decoder):
    model = build(WIDE, seed=0)
    model.decoder = decoder
    frame = np.random.default_rng(0).random((3, 160, 176), dtype=np.float32)
    whole, tiled = (Converter(TorchBackend(model, device="cpu"), tile=tile) for tile in ("none", 128))
    z = torch.randn(1, 32, 20, 22, generator=torch.Generator().manual_seed(0))
    network = tiled._path.network(torch.from_numpy(frame)[None])
    assert network is not tiled.backend.network
    with torch.inference_mode():
        a, b = network.decode_latents(z), whole.backend.network.decode_latents(z)
    assert (a - b).abs().mean() < 0.01


def test_the_option_decodes_and_is_named(tmp_path):
    write_release(WIDE, tmp_path / "release")
    frame = np.random.default_rng(1).random((3, 48, 64), dtype=np.float32)
    settings = Settings(steps=1, detail=0.0)
    own, quick = (load(tmp_path / "release", device="cpu", quick_decode=quick) for quick in (False, True))
    assert quick.backend.network.decoder is not None
    assert np.abs(own.render(frame, settings) - quick.render(frame, settings)).max() > 0.01
    assert rendering_identity(ModelOptions(model="lite", quick_decode=True)).endswith(":quick_decode")


def test_other_latents_are_refused():
    with pytest.raises(UserError, match="not for lite"):
        lumaflux.load("lite", device="cpu", quick_decode=True)
    with pytest.raises(UserError, match="not for flux-dev"):
        check_small_decoder(FLUX_DEV, "flux-dev")
    with pytest.raises(UserError, match="4 latent channels"):
        small_decoder(SMALL, LITE)
