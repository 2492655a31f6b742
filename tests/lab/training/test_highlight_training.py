"""Highlights in training: regions, terms that ask for level, structure and peak apart, scores, and trained adapters."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lumaflux.lab.training import latent_bank, light_decoder
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.highlight_adapters import HighlightAdapterStage
from lumaflux.lab.training.highlight_losses import highlight_terms, regions
from lumaflux.lab.training.highlight_scores import HighlightScores, dome
from lumaflux.lab.training.latent_bank import LatentPairs
from lumaflux.lab.training.light_decoder import fit_light_decoder, light_of_pairs, log_light
from lumaflux.lab.training.loop import run_stage
from lumaflux.lab.training.run import micro_batch_generator
from lumaflux.lab.training.stages import make_stage


def _two_lamps() -> torch.Tensor:
    clipped = torch.zeros(2, 1, 16, 24)
    clipped[0, 0, 2:5, 2:5] = 1
    clipped[0, 0, 9:14, 10:20] = 1
    clipped[1, 0, 0:3, 0:3] = 1
    clipped[1, 0, 2:10, 2] = 1
    return clipped


def _pairs(count: int = 4) -> LatentPairs:
    generator = torch.Generator().manual_seed(0)
    sdr = torch.randint(0, 200, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
    sdr[..., 8:20, 8:20] = 255
    clipped = (sdr.amin(1, keepdim=True) == 255).float()
    stops = clipped * torch.rand(count, 1, 32, 32, generator=generator)
    light = torch.rand(count, 4, 4, 4, generator=generator)
    return LatentPairs(
        start=light, target=light + 1, sdr=sdr, clipped=clipped, stops=stops, white=torch.full((count,), 203.0)
    )


def test_regions_are_connected_areas_of_one_picture():
    clipped = _two_lamps()
    numbers = regions(clipped)
    assert [len(numbers[i][clipped[i] > 0.5].unique()) for i in range(2)] == [2, 1]
    assert not set(numbers[0].unique().tolist()) & set(numbers[1].unique().tolist())
    outside = numbers[clipped <= 0.5]
    assert len(outside.unique()) == len(outside)


def test_level_and_structure_are_terms_of_their_own():
    clipped = _two_lamps()
    wanted = torch.rand(clipped.shape, generator=torch.Generator().manual_seed(0))
    brighter = highlight_terms(wanted + 0.3 * (regions(clipped) < 100), wanted, clipped)
    assert float(brighter["structure"]) < 1e-6 < 0.05 < float(brighter["level"])
    numbers, flat = regions(clipped), torch.zeros_like(wanted)
    for number in numbers[clipped > 0.5].unique():
        flat[numbers == number] = wanted[numbers == number].mean()
    flattened = highlight_terms(flat, wanted, clipped)
    assert float(flattened["level"]) < 1e-6
    assert float(flattened["structure"]) > 0.1
    assert float(highlight_terms(wanted, wanted, clipped)["peak"]) < 1e-6


def test_scores_of_the_truth_are_perfect_and_of_nothing_are_not():
    pairs, truth, none = _pairs(), HighlightScores(), HighlightScores()
    truth.add(pairs, pairs.stops)
    none.add(pairs, torch.zeros_like(pairs.stops))
    for area in ("clipped", "flat"):
        assert truth.figures()[f"{area}_correlation"] == pytest.approx(1, abs=2e-3)
        assert truth.figures()[f"{area}_error"] == pytest.approx(0, abs=1e-6)
        assert none.figures()[f"{area}_peak"] == pytest.approx(-0.99, abs=0.05)


def test_a_dome_rises_from_the_edge():
    clipped = torch.zeros(1, 1, 9, 9)
    clipped[..., 2:7, 2:7] = 1
    heights = dome(clipped)[0, 0, 4]
    torch.testing.assert_close(heights[1:6].exp2() - 1, torch.tensor([0.0, 1.0, 2.0, 3.0, 2.0]))


def test_the_light_decoder_learns_what_the_autoencoder_shows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(light_decoder, "_BATCH", 8)
    pairs = _pairs(16)

    def decode(raw: torch.Tensor) -> torch.Tensor:
        return (0.4 + 0.1 * raw[:, :3]).clamp(0, 0.75).repeat_interleave(8, 2).repeat_interleave(8, 3)

    decoder = fit_light_decoder([pairs], decode, lambda raw: raw, 8, updates=30, examples=32, seed=1)
    begun, aimed = light_of_pairs(pairs, torch.arange(4))
    assert begun.shape == (4, 1, 32, 32)
    assert (aimed >= begun - 1e-5).all()
    untrained = fit_light_decoder([pairs], decode, lambda raw: raw, 8, updates=0, examples=2, seed=1)
    wanted = log_light(decode(pairs.target))
    errors = [float((made(pairs.target) - wanted).abs().mean()) for made in (decoder, untrained)]
    assert errors[0] < 0.5 * errors[1]


def test_a_part_of_a_bank():
    part = _pairs().taken(torch.tensor([2, 0]))
    assert torch.equal(part.sdr, _pairs().sdr[[2, 0]])


def test_adapters_learn_highlights_on_a_frozen_prior(
    highlight_start: Path, pool: Path, model_json: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(latent_bank, "PER_SHARD", 6)
    monkeypatch.setattr(light_decoder, "_BATCH", 4)
    config = TrainConfig(
        stage="adapters", run=highlight_start / "highlights", views=pool, model=model_json, start=highlight_start,
        steps=16, batch=4, crop=96, learning_rate=3e-3, warmup=2, ema=0.5, threads=1,
        options={"detail": "highlights", "bank": 6, "unseen": 6, "light_updates": 4, "light_examples": 8},
    )  # fmt: skip
    stage = make_stage(config, torch.device("cpu"))
    assert isinstance(stage, HighlightAdapterStage)

    def loss() -> float:
        with torch.no_grad():
            return sum(float(stage.losses(i, 4, micro_batch_generator(9, i))["total"]) for i in range(2))

    before = loss()
    run_stage(stage, config)  # raises where a frozen weight moves
    assert loss() < before
    decoded = replace(config, options={**config.options, "decoded": 2})
    again = make_stage(decoded, torch.device("cpu"))
    again.losses(0, 4, micro_batch_generator(9, 0))["total"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in again.parameters().values())
