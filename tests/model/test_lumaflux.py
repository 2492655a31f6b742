"""Identity at initialisation, gradients, precisions, ablation variants, parameter counts."""

import json
from pathlib import Path

import pytest
import torch

from lumaflux.inference.sampler import euler, schedule
from lumaflux.model.bare import BareTransformer
from lumaflux.model.build import build
from lumaflux.model.config import VARIANTS
from lumaflux.model.latents import pack
from lumaflux.model.lumaflux import Adapters
from lumaflux.model.presets import FLUX_DEV, TINY_FLUX
from lumaflux.model.published import from_published, to_published

PUBLISHED_KEYS = Path(__file__).parent / "released_format" / "flux-dev-keys.json"


@pytest.fixture(scope="module")
def frame():
    return torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model():
    return build(TINY_FLUX, seed=3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_starts_as_the_frozen_transformer_bit_for_bit(variant, frame):
    model = build(TINY_FLUX.with_variant(variant), seed=3)
    seen = model.condition(frame)
    z, t = model.encode(frame), torch.tensor([0.9, 0.3])
    with torch.no_grad():
        steered = model.token_velocity(pack(z), t, seen, model.psi(t))
        assert torch.equal(steered, BareTransformer(model)(z, t, seen))
        decoded = model.decode(z)
    assert (decoded.hdr_pq - decoded.vae_pq.clamp(max=0.751827)).abs().max() < 1e-5


def stir(model, seed=5):
    """Moves every adapter weight away from its zero initialisation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.adapter_parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_steers_and_only_its_adapters_train(variant, frame):
    model = stir(build(TINY_FLUX.with_variant(variant), seed=3))
    z, t = model.encode(frame), torch.tensor([0.9, 0.3])
    seen = model.condition(frame)
    velocity = model.velocity(z, t, seen)
    assert not torch.equal(pack(velocity), BareTransformer(model)(z, t, seen))
    (velocity.square().mean() + model.decode(z).hdr_pq.mean()).backward()
    assert all(p.grad is None for part in (model.transformer, model.vae, model.siglip) for p in part.parameters())
    for name, parameter in model.adapters.named_parameters():
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), name
    assert model.adapters.blocks[0].pga.up.weight.grad is not None
    assert model.adapters.blocks[0].pga.up.weight.grad.abs().sum() > 0


def test_full_variant_differs_from_each_ablation(frame):
    outputs = {}
    for variant in VARIANTS:
        model = build(TINY_FLUX.with_variant(variant), seed=3)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, parameter in sorted(model.adapters.named_parameters()):
                if "up.weight" in name or "mlp.2" in name or "_out" in name or "tone.head.4" in name:
                    parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
            z, t = torch.ones(2, 4, 6, 8), torch.tensor([0.9, 0.3])
            outputs[variant] = (
                model.velocity(z, t, model.condition(frame)).mean() + model.decode(z).hdr_pq.mean()
            ).item()
    assert len(set(outputs.values())) == len(VARIANTS)


def test_gradient_checkpointing_gives_the_same_gradients(model, frame):
    stir(model)
    gradients = []
    for checkpointing in (False, True):
        model.gradient_checkpointing = checkpointing
        model.zero_grad()
        t = torch.tensor([0.9, 0.3])
        model.velocity(model.encode(frame), t, model.condition(frame)).square().mean().backward()
        gradients.append([p.grad.clone() for p in model.adapter_parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_batch_and_single_frames_agree(model, frame):
    stir(model)
    with torch.no_grad():
        t = torch.tensor([0.7, 0.7])
        together = model.velocity(model.encode(frame), t, model.condition(frame))
        alone = model.velocity(model.encode(frame[1:]), t[1:], model.condition(frame[1:]))
    assert (together[1:] - alone).abs().max() < 1e-5


def test_bfloat16_on_cpu(model, frame):
    stir(model)
    with torch.no_grad():
        z, times = model.encode(frame), schedule(2)
        exact = model.decode(euler(model, z, model.condition(frame), times)).hdr_pq
        model.cast(torch.bfloat16)
        rounded = model.decode(euler(model, model.encode(frame), model.condition(frame), times)).hdr_pq
    assert rounded.dtype == torch.float32
    assert (rounded - exact).abs().mean() < 0.02


def test_flux_dev_has_the_published_parameters():
    with torch.device("meta"):
        adapters = Adapters(FLUX_DEV)
    published = {key: tuple(shape) for key, shape in json.loads(PUBLISHED_KEYS.read_text()).items()}
    own = to_published(adapters.state_dict(), FLUX_DEV.double_blocks)
    assert {key: tuple(value.shape) for key, value in own.items()} == published
    assert len(own) == 831
    assert sum(p.numel() for p in adapters.parameters()) == 71_315_893
    back = from_published(own, FLUX_DEV.double_blocks)
    assert set(back) == set(adapters.state_dict())


def test_condition_names_the_shape_it_wants(model):
    with pytest.raises(ValueError, match="multiples of 16"):
        model.condition(torch.rand(1, 3, 40, 64))
