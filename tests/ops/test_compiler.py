"""NVRTC compiles every kernel for every architecture; what the machine code asks for is read, not run."""

import shutil
import subprocess
import sys

import pytest

from lumaflux.errors import UserError
from lumaflux.ops import resources
from lumaflux.ops.compiler import Compiled, cubin, ptx
from lumaflux.ops.resources import LIMITS, instruction_mix, occupancy
from lumaflux.ops.sources import (
    ARCHITECTURES,
    GAIN_MAP,
    SPLINE_PQ,
    Variant,
    coupler_add,
    every_variant,
    film_layer_norm,
    folder,
    gated_low_rank,
)

pytest.importorskip("cuda.bindings")
FLUX = [
    gated_low_rank("bfloat16", 8),
    film_layer_norm("bfloat16", 3072),
    coupler_add("bfloat16", 64),
    SPLINE_PQ,
    GAIN_MAP,
]


@pytest.mark.parametrize("variant", FLUX, ids=lambda variant: variant.name)
def test_the_models_kernels_compile_without_spills(variant):
    least = 0.25 if variant.name == "coupler_add" else 0.3  # each of its warps has 8 KB on their way at once
    for architecture in ARCHITECTURES:
        compiled = cubin(variant, architecture)
        assert compiled.code[:4] == b"\x7fELF"
        assert compiled.spilled == compiled.stack == 0
        assert 16 <= compiled.registers <= 128
        assert occupancy(compiled, variant.threads, architecture)[1] >= least


def test_an_empty_log_leaves_pythons_shared_bytes_alone(tmp_path):
    code = (
        "from lumaflux.ops.compiler import ptx\n"
        "from lumaflux.ops.sources import SPLINE_PQ\n"
        "ptx(SPLINE_PQ)\n"
        "assert [ord(bytes([value])) for value in range(256)] == list(range(256))\n"
    )
    uncached = f"pycache_prefix={tmp_path}"  # constants of fresh source are the shared objects, cached ones are copies
    subprocess.run([sys.executable, "-X", uncached, "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("variant", every_variant(), ids=lambda variant: variant.label)
def test_every_kernel_compiles_without_spills(variant):
    for architecture in ARCHITECTURES:
        compiled = cubin(variant, architecture)
        assert compiled.spilled == compiled.stack == 0
        assert 0 < occupancy(compiled, variant.threads, architecture)[1] <= 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not on the PATH")
@pytest.mark.parametrize("variant", FLUX, ids=lambda variant: variant.name)
def test_nvcc_takes_the_same_sources(variant, tmp_path):
    source = tmp_path / f"{variant.name}.cu"
    source.write_text(f'#include "{variant.name}.cuh"\n')
    for architecture in ARCHITECTURES:
        target = tmp_path / f"{architecture}.cubin"
        command = ["nvcc", "-std=c++17", f"-arch=sm_{architecture}", "-cubin", "-Xptxas", "-v", *variant.options]
        done = subprocess.run(
            [*command, "-I", str(folder()), "-o", str(target), str(source)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "0 bytes spill stores, 0 bytes spill loads" in done.stderr
        assert target.read_bytes()[:4] == b"\x7fELF"


def test_machine_code_uses_tensor_cores_and_spills_nothing():
    pytest.importorskip("cuda.pathfinder")
    mix = instruction_mix(cubin(FLUX[0], 90).code)
    assert mix["tensor"] >= 6  # two products of 16 channels; four of 8 ranks
    assert mix["memory"] > 8
    assert mix["shared"] > 0
    assert mix.get("local", 0) == 0
    assert "tensor" not in instruction_mix(cubin(SPLINE_PQ, 90).code)


def test_ptx_names_its_kernel():
    text = ptx(FLUX[0]).code
    assert b".visible .entry gated_low_rank(" in text
    assert b"mma.sync.aligned.m16n8k16" in text
    assert b".target sm_80" in text


def test_an_error_of_the_source_is_shown():
    broken = Variant(name="gated_low_rank", threads=512, macros={"ELEMENT": "Nothing"})
    with pytest.raises(RuntimeError, match="gated_low_rank nothing does not compile for sm_80"):
        cubin(broken, 80)


@pytest.mark.parametrize(
    ("registers", "shared", "threads", "architecture", "expected"),
    [
        (32, 0, 128, 80, (16, 1.0)),  # 64 warps of 1024 registers each fill both limits
        (64, 0, 512, 90, (2, 0.5)),  # registers
        (32, 90 << 10, 128, 86, (1, 4 / 48)),  # shared memory
        (16, 0, 32, 86, (16, 16 / 48)),  # blocks
        (40, 0, 256, 89, (6, 1.0)),  # warps
    ],
)
def test_occupancy_by_the_tightest_limit(registers, shared, threads, architecture, expected):
    assert occupancy(Compiled(code=b"", registers=registers, shared=shared), threads, architecture) == expected


def test_limits_are_known_for_every_architecture():
    assert set(LIMITS) == set(ARCHITECTURES)


def test_a_missing_disassembler_is_named_with_its_install_command(monkeypatch):
    import cuda.pathfinder

    monkeypatch.setattr(cuda.pathfinder, "find_nvidia_binary_utility", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'lumaflux\[kernels\]'"):
        resources.instruction_mix(b"")
