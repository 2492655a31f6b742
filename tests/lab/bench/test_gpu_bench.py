"""`lumaflux bench gpu` without a GPU: it refuses, and its parts hold with expressions in the kernels' place."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from lumaflux.errors import UserError
from lumaflux.lab.bench import gpu, kernel_checks

CPU = torch.device("cpu")
TYPES = ("float16", "bfloat16")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_no_device_is_said_in_one_sentence():
    with pytest.raises(UserError, match="needs a CUDA device, and torch finds none here"):
        gpu.gpu_figures(3)


@pytest.fixture(scope="module")
def figures():
    return gpu.figures(CPU, 2, gpu.SMALL, expressions=True)


def test_every_kernel_is_proven_and_timed_in_both_types(figures):
    kernels = {name: row for name, row in figures.items() if isinstance(row, dict) and "kernel_us" in row}
    assert len(kernels) == 10
    for name, row in kernels.items():
        assert row["kernel_us"] > 0
        assert row["torch_us"] > 0
        assert row["limit_us"] > 0
        assert row["kernel_call_us"] > 0
        assert row["repeats"]
        assert 0 <= row["rounding"] < 4e-3, name
        assert row["error"] < 1e-2, name


def test_the_step_is_timed_with_and_without(figures):
    step = figures["step"]
    assert step["unfused_over_fused"] == pytest.approx(step["unfused_ms"] / step["fused_ms"])


def test_the_table_has_a_row_for_each(figures):
    table = gpu.gpu_table(figures)
    assert table.count("\n| ") == 11
    assert "NO" not in [cell.strip() for line in table.splitlines() if "spline_pq" in line for cell in line.split("|")]


def test_a_wrong_kernel_does_not_agree():
    case = next(case for case in gpu.cases(CPU, torch.float16, gpu.SMALL) if case.name == "film_layer_norm")
    wrong = replace(case, kernel=lambda *inputs: 1.01 * case.expression(*inputs))
    row = gpu.kernel_row(wrong, 1e9, 1, CPU)
    assert row["agrees"] is False
    assert "| NO |" in gpu.gpu_table({"bandwidth_gb_s": 1.0, "film": row, "step": {"fused_ms": 1.0, "unfused_ms": 1.0}})


def test_the_checks_reach_every_kernel_in_every_type_and_would_see_a_fault(monkeypatch):
    results = kernel_checks.check_kernels(CPU, small=True, expressions=True)
    names = {" ".join(label.split()[:2]) for label in results}
    of_tokens = {f"{op} {kind}" for op in ("gated_low_rank", "film_layer_norm", "coupler_add") for kind in TYPES}
    assert of_tokens < names
    assert {name.split()[0] for name in names} >= {"spline_pq", "gain_map"}
    found = next(check for check in kernel_checks.checks(CPU) if check.label.startswith("film_layer_norm bfloat16"))
    wrong = replace(found, kernel=lambda *parts: found.expression(*parts) * 1.01)
    assert kernel_checks.result_of(wrong)["agrees"] is False
    unsteady = replace(found, kernel=lambda *parts: found.expression(*parts) * torch.empty(1).uniform_(0.99, 1.01))
    assert kernel_checks.result_of(unsteady)["agrees"] is False
    nothing = replace(found, kernel=lambda *parts: found.expression(*parts) * float("nan"))
    assert kernel_checks.result_of(nothing)["agrees"] is False


def test_a_kernel_that_refuses_is_a_fault_and_the_others_are_looked_at():
    results = kernel_checks.check_kernels(CPU, small=True)  # kernels take no tensors of the CPU
    assert len(results) > 20
    assert all("CUDA device" in result["fault"] and not result["agrees"] for result in results.values())


def test_inputs_beyond_the_cache(monkeypatch):
    properties = SimpleNamespace(L2_cache_size=50 << 20)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    small = SimpleNamespace(work=SimpleNamespace(bytes=50 << 20))
    assert gpu._sets(small, torch.device("cuda:0")) == 4  # the fourth and all before it are beyond three caches
    assert gpu._sets(small, CPU) == 1
