"""`lumaflux bench --gpu` without a GPU: it refuses, and its parts hold with expressions in the kernels' place."""

from dataclasses import replace

import pytest
import torch

from lumaflux.errors import UserError
from lumaflux.lab.bench import gpu
from lumaflux.lab.bench.roofline import Step

SMALL = Step(height=48, width=64, channels=64, heads=2, rank=8, bottleneck=32)
CPU = torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_no_device_is_said_in_one_sentence():
    with pytest.raises(UserError, match="needs a CUDA device, and torch finds none here"):
        gpu.gpu_figures(3)


@pytest.fixture
def figures(monkeypatch):
    real = gpu.cases
    monkeypatch.setattr(gpu, "cases", lambda *where: [replace(case, kernel=case.expression) for case in real(*where)])
    return gpu.figures(CPU, 2, SMALL)


def test_every_kernel_is_proven_and_timed_in_both_types(figures):
    kernels = {name: row for name, row in figures.items() if isinstance(row, dict) and "kernel_us" in row}
    assert len(kernels) == 10
    for name, row in kernels.items():
        assert row["kernel_us"] > 0
        assert row["torch_us"] > 0
        assert row["limit_us"] > 0
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
    case = next(case for case in gpu.cases(CPU, torch.float16, SMALL) if case.name == "film_layer_norm")
    wrong = replace(case, kernel=lambda *inputs: 1.01 * case.expression(*inputs))
    row = gpu.kernel_row(wrong, 1e9, 1, CPU)
    assert row["agrees"] is False
    assert "| NO |" in gpu.gpu_table({"bandwidth_gb_s": 1.0, "film": row, "step": {"fused_ms": 1.0, "unfused_ms": 1.0}})
