"""Key frames without clipped pixels pass no transformer where nothing of it enters their tone, and keep their bits."""

import pytest
import torch
from lamp_model import HIGHLIGHTS, lamp_converter, with_lamp

import lumaflux
from lumaflux.backends.torch import TorchBackend
from lumaflux.inference.active_area import WHOLE
from lumaflux.inference.converter import Converter
from lumaflux.inference.tone import Tone
from lumaflux.inference.tone_track import StoredTone
from lumaflux.model.build import build


@pytest.fixture(scope="module", params=["shipped", "random"])
def converter(request: pytest.FixtureRequest) -> Converter:
    return lumaflux.load("lite", device="cpu") if request.param == "shipped" else lamp_converter()


def _dark(count: int) -> torch.Tensor:
    return 0.6 * torch.rand(count, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def _tone(converter: Converter, frames: torch.Tensor, *, lights: bool) -> Tone:
    clipped = converter.clipped_shares(frames) if lights else None
    return converter.tone_of(frames, area=WHOLE, clipped=clipped)


def _numbers(tone: Tone) -> list[torch.Tensor]:
    assert tone.knots is not None
    knots = [tone.knots.x, tone.knots.y, tone.knots.derivatives]
    return knots if tone.stops is None else [*knots, tone.stops]


@pytest.mark.parametrize("lights", [True, False])
@pytest.mark.parametrize("count", [1, 3])
def test_a_key_without_clipped_pixels_has_the_tone_that_the_network_finds(
    converter: Converter, count: int, lights: bool, monkeypatch: pytest.MonkeyPatch
):
    found = _tone(converter, _dark(count), lights=lights)
    monkeypatch.setattr(converter.backend.network, "fixed_knots", lambda count: None)
    asked = _tone(converter, _dark(count), lights=lights)
    assert StoredTone.of(found) == StoredTone.of(asked)
    assert all(torch.equal(one, other) for one, other in zip(_numbers(found), _numbers(asked), strict=True))


def test_only_clipped_keys_pass_the_transformer(converter: Converter, monkeypatch: pytest.MonkeyPatch):
    asked, velocity = [], converter.backend.network.velocity
    monkeypatch.setattr(
        converter.backend.network,
        "velocity",
        lambda z, *rest, **named: asked.append(len(z)) or velocity(z, *rest, **named),
    )
    _tone(converter, _dark(1), lights=True)
    assert not asked
    _tone(converter, with_lamp()[None], lights=True)
    assert asked


def test_a_tone_field_that_has_learned_asks_for_every_latent():
    network = build(HIGHLIGHTS, seed=0)
    logits = network.adapters.tone.head[-1]
    assert isinstance(logits, torch.nn.Linear)
    torch.nn.init.normal_(logits.weight, std=0.1, generator=torch.Generator().manual_seed(2))
    assert network.fixed_knots(1) is None
    converter = Converter(TorchBackend(network))
    one, other = (_numbers(_tone(converter, frames, lights=True)) for frames in _dark(2).split(1))
    assert not torch.equal(one[1], other[1])


def test_a_key_that_is_reduced_already_has_the_stops_of_the_whole(converter: Converter):
    """166 x 100 pixels are a few more than the model's once they are rounded: reduced twice they were a column less."""
    sdr = 0.6 * torch.rand(1, 3, 100, 166, generator=torch.Generator().manual_seed(0))
    sdr[..., 30:60, 50:90] = 1.0
    clipped = converter.clipped_shares(sdr)
    whole = converter.tone_of(sdr, area=WHOLE, clipped=clipped)
    reduced = converter.tone_of(converter.reduced(sdr), area=WHOLE, clipped=clipped)
    for one, other in zip(_numbers(whole), _numbers(reduced), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-3)
    assert whole.stops is not None
    assert whole.stops.shape == clipped.shape
