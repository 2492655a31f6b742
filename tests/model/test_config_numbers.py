"""Numbers of a model's config.json: each is one of its kind, or is named before anything is built by it."""

import json
from dataclasses import fields

import pytest

from lumaflux.errors import UserError
from lumaflux.inference.weights import LITE
from lumaflux.model.config import LumaFluxConfig, config_from_json, read_config
from lumaflux.model.presets import PRESETS

SIZES = [entry.name for entry in fields(LumaFluxConfig) if entry.type is int]
FROZEN = [("transformer", "num_layers"), ("transformer", "attention_head_dim"), ("vae", "latent_channels")]


@pytest.fixture
def content():
    return json.loads((LITE / "config.json").read_text())


@pytest.mark.parametrize("value", [-1, 1 << 62, 1.5, "8", None, True, [8], float("nan")], ids=repr)
@pytest.mark.parametrize("name", SIZES)
def test_sizes_that_are_none_are_named(content, name, value):
    with pytest.raises(UserError, match=f"config.json: {name} is a whole number from [01] on, not "):
        config_from_json({**content, name: value})


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "much", None], ids=repr)
def test_a_noise_that_is_none_is_named(content, value):
    with pytest.raises(UserError, match="noise_scale is a number from 0 to 1"):
        config_from_json({**content, "noise_scale": value})


@pytest.mark.parametrize("value", [0, -4, "4", None, 1.5], ids=repr)
@pytest.mark.parametrize(("part", "name"), FROZEN, ids=lambda words: words)
def test_sizes_of_frozen_parts_are_named(content, part, name, value):
    content[part][name] = value
    with pytest.raises(UserError, match=r"config\.json"):
        config_from_json(content)


def test_what_the_project_ships_and_knows_is_taken():
    assert read_config(LITE / "config.json").name == "lite"
    for config in PRESETS.values():
        assert config_from_json(config.to_json()) == config
