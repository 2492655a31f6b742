"""What a compiled kernel asks of a multiprocessor, read from its machine code: occupancy and instruction mix.

Nothing here runs a kernel. Limits: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
"""

import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.ops.compiler import INSTALL, Compiled, cubin
from lumaflux.ops.sources import ARCHITECTURES, Variant

_WARP = 32
_REGISTERS = 1 << 16  # of a multiprocessor, for every architecture here
_REGISTER_UNIT = 256  # that a warp's registers are rounded up to
_SHARED_UNIT, _SHARED_RESERVED = 128, 1024  # bytes that a block's shared memory is rounded up to, and that it pays more


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of one multiprocessor: resident warps and blocks, bytes of shared memory."""

    warps: int
    blocks: int
    shared: int


LIMITS = {
    80: Limits(warps=64, blocks=32, shared=164 << 10),
    86: Limits(warps=48, blocks=16, shared=100 << 10),
    89: Limits(warps=48, blocks=24, shared=100 << 10),
    90: Limits(warps=64, blocks=32, shared=228 << 10),
    120: Limits(warps=48, blocks=24, shared=100 << 10),
}

_CLASSES = {  # of SASS instructions, by the beginning of their names; the first that fits
    "tensor": r"[HQ]MMA|IMMA",
    "memory": r"LDG|STG|LD$|ST$",
    "shared": r"LDS|STS|LDSM",
    "local": r"LDL|STL",  # spills
    "constant": r"LDC|ULDC|LDCU",
    "special": r"MUFU",
    "float": r"F(ADD|MUL|FMA|MNMX|SEL|SETP|CHK|SWZADD)|F2FP|HADD|HFMA|HMUL",
    "exchange": r"SHFL|BAR|WARPSYNC|VOTE",
    "control": r"BRA|EXIT|RET|CALL|BSSY|BSYNC|NOP|YIELD|BREAK|WARPSYNC",
}


@dataclass(frozen=True, kw_only=True)
class Resources:
    """One kernel on one architecture. ``occupancy``: resident warps over the most that a multiprocessor holds."""

    label: str
    architecture: int
    registers: int
    spilled: int
    shared: int
    blocks: int
    occupancy: float
    mix: dict[str, int]


def occupancy(compiled: Compiled, threads: int, architecture: int) -> tuple[int, float]:
    """Blocks of ``threads`` that one multiprocessor holds, and the share of its warps that they fill."""
    limits, warps = LIMITS[architecture], -(-threads // _WARP)
    of_a_warp = -(-compiled.registers * _WARP // _REGISTER_UNIT) * _REGISTER_UNIT
    shared = -(-(compiled.shared + _SHARED_RESERVED) // _SHARED_UNIT) * _SHARED_UNIT
    by_registers = _REGISTERS // of_a_warp // warps
    blocks = min(limits.blocks, limits.warps // warps, by_registers, limits.shared // shared)
    return blocks, blocks * warps / limits.warps


def instruction_mix(code: bytes) -> dict[str, int]:
    """Instructions of a cubin by class, as they stand in its disassembly (not as often as they run).

    Raises UserError where nvdisasm is missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.cubin"
        file.write_bytes(code)
        done = subprocess.run([_disassembler(), "-c", str(file)], capture_output=True, text=True, check=True)
    counts = Counter()
    for name in re.findall(r"^\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9]*)", done.stdout, re.MULTILINE):
        counts[next((kind for kind, names in _CLASSES.items() if re.match(names, name)), "integer")] += 1
    return dict(counts)


def _disassembler() -> str:
    try:
        from cuda.pathfinder import find_nvidia_binary_utility

        found = find_nvidia_binary_utility("nvdisasm")
    except ImportError:
        found = None
    if found is None:
        raise UserError(f"the instruction mix needs nvdisasm, which is not installed; {INSTALL}")
    return found


def resources(variant: Variant, architecture: int) -> Resources:
    """Compiles ``variant`` and reads what it asks for."""
    compiled = cubin(variant, architecture)
    blocks, share = occupancy(compiled, variant.threads, architecture)
    return Resources(
        label=variant.label,
        architecture=architecture,
        registers=compiled.registers,
        spilled=compiled.spilled,
        shared=compiled.shared,
        blocks=blocks,
        occupancy=share,
        mix=instruction_mix(compiled.code),
    )


def resource_table(variants: list[Variant], architectures: tuple[int, ...] = ARCHITECTURES) -> str:
    """Markdown: a row for each of ``variants`` and architecture."""
    kinds = [*_CLASSES, "integer"]
    lines = [
        f"| kernel | sm | registers | spilled bytes | shared bytes | blocks | occupancy | {' | '.join(kinds)} |",
        "|---|" + "---:|" * (6 + len(kinds)),
    ]
    for variant in variants:
        for architecture in architectures:
            row = resources(variant, architecture)
            mix = " | ".join(str(row.mix.get(kind, 0)) for kind in kinds)
            lines.append(
                f"| {row.label} | {architecture} | {row.registers} | {row.spilled} | {row.shared} | {row.blocks} "
                f"| {row.occupancy:.0%} | {mix} |"
            )
    return "\n".join(lines)
