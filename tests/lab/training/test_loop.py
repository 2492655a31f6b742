"""The loop: a resumed run ends in the same bits, NaN stops it, figures of the schedule and the average."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lumaflux.errors import UserError
from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.frozen import digest
from lumaflux.lab.training.loop import run_stage
from lumaflux.lab.training.run import Averaged, fingerprint, learning_rate


class Regression:
    """y = 2 x with a small network; its result is written as a file."""

    def __init__(self, poison: int | None = None):
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
        self.scale = torch.tensor([2.0])
        self.poison = poison

    def parameters(self) -> dict[str, nn.Parameter]:
        return dict(self.network.named_parameters())

    def frozen(self) -> dict[str, Tensor]:
        return {"scale": self.scale}

    def pictures(self) -> dict:
        return {}

    def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        x = torch.rand(count, 1, generator=generator)
        loss = (self.network(x) - self.scale * x).square().mean()
        return {"total": loss * float("nan") if step == self.poison else loss}

    def validate(self) -> dict[str, float]:
        x = torch.linspace(0, 1, 16)[:, None]
        return {"error": float((self.network(x) - self.scale * x).square().mean().detach())}

    def finish(self, out: Path) -> None:
        (out / "done").write_text("done")


def config(run: Path, **changes) -> TrainConfig:
    values = {
        "stage": "vae",
        "run": run,
        "views": run,
        "model": run,
        "steps": 40,
        "batch": 16,
        "crop": 8,
        "learning_rate": 1e-2,
        "warmup": 5,
        "threads": 1,
    }
    return TrainConfig(**{**values, **changes})


def weights(stage: Regression) -> Tensor:
    return torch.cat([p.detach().flatten() for p in stage.parameters().values()])


def test_training_lowers_the_loss_and_finishes(tmp_path: Path):
    stage = Regression()
    before = stage.validate()["error"]
    after = run_stage(stage, config(tmp_path))["error"]
    assert after < 0.5 * before
    assert (tmp_path / "done").exists()


def test_a_resumed_run_ends_in_the_same_bits(tmp_path: Path):
    whole = Regression()
    figures = run_stage(whole, config(tmp_path / "whole"))
    run_stage(Regression(), config(tmp_path / "parts"), stop_after=17)
    again = Regression()
    assert run_stage(again, config(tmp_path / "parts")) == figures
    assert torch.equal(weights(whole), weights(again))


def test_another_configuration_is_refused(tmp_path: Path):
    run_stage(Regression(), config(tmp_path), stop_after=3)
    with pytest.raises(UserError, match="another configuration"):
        run_stage(Regression(), config(tmp_path, learning_rate=2e-2))


def test_damaged_checkpoint(tmp_path: Path):
    run_stage(Regression(), config(tmp_path), stop_after=3)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"no")
    with pytest.raises(UserError, match="damaged"):
        run_stage(Regression(), config(tmp_path))


def test_nan_stops_and_keeps_the_checkpoint(tmp_path: Path):
    run_stage(Regression(), config(tmp_path), stop_after=5)
    with pytest.raises(UserError, match="not finite"):
        run_stage(Regression(poison=8), config(tmp_path))
    good = Regression()
    run_stage(good, config(tmp_path))
    assert torch.isfinite(weights(good)).all()


def test_nan_leaves_the_last_good_state(tmp_path: Path):
    with pytest.raises(UserError, match="the total of update 8 is not finite"):
        run_stage(Regression(poison=8), config(tmp_path / "bad"))
    good = Regression()
    run_stage(good, config(tmp_path / "good"), stop_after=8)
    bad = Regression()
    run_stage(bad, config(tmp_path / "bad"), stop_after=8)
    assert torch.equal(weights(bad), weights(good))
    assert (tmp_path / "bad" / "done").exists()


def test_micro_batches_add_up(tmp_path: Path):
    stage = Regression()
    figures = run_stage(stage, config(tmp_path, micro_batch=4))
    assert figures["error"] < 0.5 * Regression().validate()["error"]


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="cannot be shared by 1 processes"):
        run_stage(Regression(), config(tmp_path, micro_batch=5))


def test_frozen_weights_that_move_are_a_bug(tmp_path: Path):
    class Leaking(Regression):
        def losses(self, step: int, count: int, generator: torch.Generator) -> dict[str, Tensor]:
            self.scale += 1e-3
            return super().losses(step, count, generator)

    with pytest.raises(RuntimeError, match="frozen"):
        run_stage(Leaking(), config(tmp_path, steps=2))


def test_fingerprint_ignores_places_and_length(tmp_path: Path):
    base = fingerprint(config(tmp_path))
    assert base == fingerprint(config(tmp_path / "x", threads=4, steps=80))
    assert base != fingerprint(config(tmp_path, seed=2))


def test_schedule():
    def rate(step: int) -> float:
        return learning_rate(step, peak=1.0, final=0.1, warmup=10, steps=110)

    assert rate(0) == pytest.approx(0.1)
    assert rate(9) == pytest.approx(1.0)
    assert rate(60) == pytest.approx(0.55)
    assert rate(110) == rate(500) == pytest.approx(0.1)


def test_averaged_swaps_back():
    parameter = nn.Parameter(torch.tensor([1.0]))
    average = {"p": torch.tensor([5.0])}
    with Averaged({"p": parameter}, average):
        assert parameter.item() == 5.0
    assert (parameter.item(), average["p"].item()) == (1.0, 5.0)


def test_figures_read_late_lead_to_the_same_weights(tmp_path: Path):
    """As on a CUDA device: the host looks every 7th update; AdamW is the fused one."""
    every, late = Regression(), Regression()
    run_stage(every, config(tmp_path / "every"))
    run_stage(late, config(tmp_path / "late"), look_every=7)
    assert torch.allclose(weights(every), weights(late), atol=1e-5)
    again = Regression()
    run_stage(Regression(), config(tmp_path / "parts"), stop_after=17, look_every=7)
    run_stage(again, config(tmp_path / "parts"), look_every=7)
    assert torch.equal(weights(again), weights(late))


def test_an_update_that_is_not_finite_leaves_no_trace_though_it_is_read_late(tmp_path: Path):
    with pytest.raises(UserError, match="the total of update 8 is not finite"):
        run_stage(Regression(poison=8), config(tmp_path / "bad"), look_every=7)
    good, bad = Regression(), Regression()
    run_stage(good, config(tmp_path / "good"), stop_after=8, look_every=7)
    run_stage(bad, config(tmp_path / "bad"), stop_after=8, look_every=7)
    assert torch.equal(weights(bad), weights(good))


def test_a_checkpoint_goes_on_under_another_optimizer(tmp_path: Path):
    """A CUDA device's fused AdamW counts its steps in a tensor of its own; the CPU's takes them over, and back."""
    whole, parts = Regression(), Regression()
    run_stage(whole, config(tmp_path / "whole"))
    run_stage(Regression(), config(tmp_path / "parts"), stop_after=10, look_every=5)
    run_stage(Regression(), config(tmp_path / "parts"), stop_after=20)
    run_stage(parts, config(tmp_path / "parts"), look_every=5)
    assert torch.allclose(weights(whole), weights(parts), atol=1e-5)


def test_a_run_ends_by_the_clock_and_its_rate_with_it(tmp_path: Path, monkeypatch):
    clock = iter(0.5 * tick for tick in range(10**6))
    monkeypatch.setattr("lumaflux.lab.training.loop.time.monotonic", lambda: next(clock))
    rates = []
    real = torch.optim.AdamW.step
    monkeypatch.setattr(
        torch.optim.AdamW, "step", lambda self, *a: (rates.append(self.param_groups[0]["lr"]), real(self, *a))[1]
    )
    run_stage(Regression(), config(tmp_path, steps=10**6, log_every=1000), minutes=1.0)
    assert 30 < len(rates) < 130
    assert max(rates) == pytest.approx(1e-2, rel=0.1)
    assert rates[-1] < 0.02 * max(rates)
    assert (tmp_path / "done").exists()
    assert (tmp_path / "checkpoint.safetensors").exists()


def test_the_digest_sees_any_bit():
    weights = {"a": torch.randn(1000), "b": torch.ones(7, dtype=torch.bfloat16), "c": torch.arange(5)}
    before = digest(weights)
    assert digest({name: value.clone() for name, value in weights.items()}) == before
    for name in weights:
        changed = {key: value.clone() for key, value in weights.items()}
        changed[name].view(torch.int8)[-1] ^= 1
        assert digest(changed) != before
    swapped = weights["a"].clone()
    swapped[[3, 4]] = swapped[[4, 3]]
    assert digest({**weights, "a": swapped}) != before
    assert digest({**weights, "d": weights["c"]}) != before
