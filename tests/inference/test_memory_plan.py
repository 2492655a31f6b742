"""Plans for cards of several sizes with FLUX.1-dev's real shapes, and a small model that runs by each kind of them."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from lumaflux.backends.offload import BlockOffload, OffloadingBackend
from lumaflux.errors import UserError
from lumaflux.inference import load as loading
from lumaflux.inference import memory_plan
from lumaflux.inference.memory_plan import (
    GIB,
    Budget,
    MemoryPlan,
    budget_of,
    plan_for,
    refuse_the_cpu,
    seconds_on,
    token_grid,
    with_key_batch,
)
from lumaflux.inference.planned import PlannedConverter
from lumaflux.model.build import build
from lumaflux.model.footprint import flops_of, peak_of, weights_of
from lumaflux.model.fp8_linear import blocks_of
from lumaflux.model.presets import FLUX_DEV, TINY_FLUX
from lumaflux.options import ModelOptions

USABLE = 0.95  # of a card: the driver and a display take the rest
CPU = torch.device("cpu")
PLAN = MemoryPlan(model="x", fp8=False, resident=0, blocks=3, vae_tile=512, working_pixels=1, peak=1, host=1)


@pytest.fixture(scope="module")
def plans():
    """Seconds of work: every operation of the real shapes."""
    return {gib: plan_for(FLUX_DEV, USABLE * gib * GIB) for gib in (48, 24, 16, 12)}


@pytest.mark.slow
def test_flux_dev_on_cards_of_24_16_and_12_gib(plans):
    assert [plans[gib].fp8 for gib in plans] == [False, True, True, True]
    assert [plans[gib].resident == 57 for gib in plans] == [True, True, True, False]
    assert all(plan.peak <= USABLE * gib * GIB for gib, plan in plans.items())
    assert all(plan.working_pixels == 1 << 20 for plan in plans.values())
    assert 20 < plans[12].resident < 57
    assert "57 blocks kept on the host" in plans[12].sentence()


def test_weights_and_operations_of_flux_dev_are_counted_right():
    weights = weights_of(FLUX_DEV, torch.bfloat16, fp8=False, vae_dtype=torch.float32)
    assert sum(weights.blocks) + weights.rest == 2 * 11_901_408_320  # the release's number of weights
    assert weights.adapters == pytest.approx(2 * 71_315_893, rel=0.001)
    eight = weights_of(FLUX_DEV, torch.bfloat16, fp8=True, vae_dtype=torch.float32)
    assert sum(eight.blocks) == pytest.approx(sum(weights.blocks) / 2, rel=0.002)
    assert flops_of(FLUX_DEV, (64, 64)) == pytest.approx(78.8e12, rel=0.002)


def test_a_card_too_small_is_told_what_would_fit(monkeypatch):
    monkeypatch.setattr(memory_plan, "_SMALLER", (1.0,))
    monkeypatch.setattr(memory_plan, "_TILES", (512,))
    with pytest.raises(UserError, match=r"does not fit 0\.5 GiB: the least form needs .* GiB"):
        plan_for(replace(TINY_FLUX, working_pixels=1 << 12), GIB / 2)


def test_what_else_is_on_the_card_moves_blocks_and_no_pixels(monkeypatch):
    monkeypatch.setattr(memory_plan, "_TILES", (512,))
    small = replace(TINY_FLUX, working_pixels=1 << 12, transformer={**TINY_FLUX.transformer, "num_single_layers": 20})
    monkeypatch.setattr(memory_plan, "_RESERVED", 0)
    whole = plan_for(small, GIB)
    fewer = plan_for(small, GIB, free=whole.peak - 1)
    assert (whole.resident, fewer.fp8, fewer.vae_tile) == (21, False, whole.vae_tile)
    assert 0 < fewer.resident < 21
    with pytest.raises(UserError, match=r"are free.*every block on the host"):
        plan_for(small, GIB, free=1000)


def test_key_frames_at_a_time_are_counted_and_limited(monkeypatch):
    monkeypatch.setattr(memory_plan, "_TILES", (512,))
    small = replace(TINY_FLUX, working_pixels=1 << 12)
    plan = plan_for(small, GIB)
    shape = json.dumps(small.to_json())
    more = [memory_plan._beside(shape, torch.bfloat16, False, 512, frames) for frames in (1, 5)]
    five = with_key_batch(small, plan, 5, Budget(limit=GIB, free=None), torch.bfloat16)
    assert five.key_batch == 5
    assert five.peak - plan.peak == pytest.approx(1.1 * (more[1] - more[0]), rel=0.02)
    assert "5 key frames at a time" in five.sentence()
    for budget in (Budget(limit=five.peak - 1, free=None), Budget(limit=GIB, free=five.peak - 1)):
        assert with_key_batch(small, plan, 5, budget, torch.bfloat16).key_batch == 4
    assert with_key_batch(small, plan, 5, Budget(limit=plan.peak, free=0), torch.bfloat16) == plan
    assert with_key_batch(small, plan, 1, Budget(limit=GIB, free=None), torch.bfloat16) is plan


@pytest.mark.slow
def test_a_named_precision_is_kept():
    plan = plan_for(FLUX_DEV, USABLE * 16 * GIB, fp8=False)
    assert not plan.fp8
    assert plan.resident < 57


@pytest.mark.parametrize("vram", ["much", "0", "-3", "nan", "inf", "1e300"])
def test_amounts_of_memory(vram):
    with pytest.raises(UserError, match="--vram"):
        ModelOptions(vram=vram)


def test_what_is_free_counts(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10 * GIB, 24 * GIB))
    cuda = torch.device("cuda:0")
    assert budget_of("auto", cuda) == Budget(limit=0.95 * 24 * GIB, free=10 * GIB)
    assert budget_of("8", cuda) == Budget(limit=8 * GIB, free=10 * GIB)
    assert budget_of("auto", CPU) is None
    with pytest.raises(UserError, match=r"10\.0 GiB free"):
        budget_of("12", cuda)


def test_the_cpu_asks_first(monkeypatch):
    assert seconds_on(FLUX_DEV, CPU, torch.float32) > 60
    monkeypatch.setattr(memory_plan, "total_bytes", lambda config, dtype: 1)
    with pytest.raises(UserError, match=r"minutes a frame.*--yes"):
        refuse_the_cpu(FLUX_DEV, None, yes=False)
    refuse_the_cpu(FLUX_DEV, None, yes=True)
    refuse_the_cpu(replace(TINY_FLUX, working_pixels=1 << 12), None, yes=False)


def test_the_memory_of_the_machine_is_asked_first(monkeypatch):
    machine = SimpleNamespace(total=24 << 30)
    monkeypatch.setattr(memory_plan.psutil, "virtual_memory", lambda: machine)
    with pytest.raises(
        UserError, match=r"takes 47 GiB of memory on the CPU, this machine has 24 GiB, --precision bf16"
    ):
        refuse_the_cpu(FLUX_DEV, None, yes=True)


def test_peaks_follow_what_is_alive():
    def work():
        first = torch.empty(1000, device="meta")
        second = first + 1
        del first
        return second * 2

    assert peak_of(work) == 8000


def model():
    made = build(replace(TINY_FLUX, working_pixels=48 * 64), seed=2)
    generator = torch.Generator().manual_seed(1)
    for parameter in made.adapter_parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    return made


def test_blocks_on_the_host_give_the_same_bits():
    sdr, t = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(3)), torch.tensor([0.5])
    network = model()
    with torch.no_grad():
        z, seen = network.encode(sdr), network.condition(sdr)
        expected = network.velocity(z, t, seen)
        for resident in (3, 2, 0):
            backend = OffloadingBackend(network, CPU, torch.float32, resident)
            assert torch.equal(backend.network.velocity(z, t, seen), expected)
            assert torch.equal(backend.network.velocity(z, t, seen), expected)
            assert (backend.offload is None) == (resident == 3)
            network = model()
    assert backend.offload.most_on_device == 2


def test_a_block_that_had_its_turn_leaves_the_device():
    network = model()
    blocks = list(blocks_of(network.transformer))
    offload = BlockOffload(blocks, CPU)
    held = [next(block.parameters()).data_ptr() for block in blocks]
    seen = []
    for block in blocks:
        block.register_forward_pre_hook(lambda module, _: seen.append(next(module.parameters()).data_ptr()))
    sdr, t = torch.rand(1, 3, 32, 32), torch.tensor([0.5])
    with torch.no_grad():
        network.velocity(network.encode(sdr), t, network.condition(sdr))
    assert len(seen) == 3
    assert not set(seen) & set(held)
    assert [next(block.parameters()).data_ptr() for block in blocks] == held
    assert offload.most_on_device == 2


def test_out_of_memory_keeps_fewer_blocks_once(monkeypatch, caplog):
    backend = OffloadingBackend(model(), CPU, torch.float32, 2)
    converter, failures = PlannedConverter(backend, PLAN), [1]

    def short(self, frame):
        if failures and failures.pop():
            raise torch.OutOfMemoryError("none left")
        return frame

    monkeypatch.setattr("lumaflux.inference.planned._RENDER_TIMED", memory_again(short))
    assert converter.render_timed("frame") == "frame"
    assert "kept on the host from now on" in caplog.text
    failures[:] = [1]
    with pytest.raises(UserError, match=r"out of memory with every block.*--vram"):
        converter.render_timed("frame")


def memory_again(method):
    from lumaflux.inference.planned import _again

    return _again(method)


def test_precision_fp8_plans_eight_bits_and_multiplies_in_them(monkeypatch, capsys):
    asked, made = [], {}

    def planned(config, limit, **options):
        asked.append(options["fp8"])
        return replace(PLAN, fp8=True)

    def network(name, *, placement, **others):
        made[name] = placement
        return model()

    monkeypatch.setattr(loading, "published_config", lambda name: TINY_FLUX)
    monkeypatch.setattr(loading, "plan_for", planned)
    monkeypatch.setattr(loading, "load_network", network)
    loading.load("a", device="cpu", dtype="fp8", vram="2")
    loading.load("b", device="cpu", dtype="bf16", vram="2")
    assert asked == [True, False]
    assert (made["a"].fp8, made["a"].scaled, made["a"].dtype) == (True, True, torch.bfloat16)
    assert not made["b"].scaled
    assert "fp8 (weights and products)" in capsys.readouterr().err


def test_the_grid_of_a_working_size():
    rows, columns = token_grid(FLUX_DEV, 1 << 20)
    assert (rows, columns) == (48, 86)
    assert memory_plan.AUTO == "auto"
