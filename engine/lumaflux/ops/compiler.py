"""NVRTC: a kernel's source -> the machine code of one architecture, or PTX. Needs no GPU and no driver."""

import re
from dataclasses import dataclass

from lumaflux.errors import UserError
from lumaflux.ops.sources import Variant, folder

INSTALL = "pip install 'lumaflux[kernels]'"


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """``code``: a cubin, or PTX; the rest is what ptxas reports of a cubin (bytes; per thread, but ``shared``)."""

    code: bytes
    registers: int = 0
    spilled: int = 0
    stack: int = 0
    shared: int = 0


def cubin(variant: Variant, architecture: int) -> Compiled:
    """Machine code for ``architecture``, a compute capability times ten. Raises UserError where NVRTC is missing."""
    program, log = _compiled(variant, f"sm_{architecture}")
    return Compiled(
        code=_read(program, "CUBIN"),
        registers=_number(r"Used (\d+) registers", log),
        spilled=_number(r"(\d+) bytes spill stores", log) + _number(r"(\d+) bytes spill loads", log),
        stack=_number(r"(\d+) bytes stack frame", log),
        shared=_number(r"(\d+) bytes smem", log),
    )


def ptx(variant: Variant, architecture: int = 80) -> Compiled:
    """PTX that any driver translates for ``architecture`` and what came after it, ended by a zero byte."""
    program, _ = _compiled(variant, f"compute_{architecture}")
    return Compiled(code=_read(program, "PTX"))


def _number(pattern: str, log: str) -> int:
    found = re.search(pattern, log)
    return int(found.group(1)) if found else 0


def _compiled(variant: Variant, target: str):
    try:
        from cuda.bindings import nvrtc  # pyright: ignore[reportAttributeAccessIssue]
    except ImportError:
        raise UserError(f"compiling the CUDA kernels needs NVRTC, which is not installed; {INSTALL}") from None
    files = {path.name.encode(): path.read_bytes() for path in folder().glob("*.cuh")}
    name = f"{variant.name}.cuh".encode()
    status, program = nvrtc.nvrtcCreateProgram(files[name], name, len(files), list(files.values()), list(files))
    _expect(status, "take the source")
    options = [f"--gpu-architecture={target}", "--std=c++17", *variant.options]
    if target.startswith("sm_"):
        options.append("--ptxas-options=-v")
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])
    log = _read(program, "ProgramLog").decode()
    if int(status) != 0:
        raise RuntimeError(f"{variant.label} does not compile for {target}:\n{log}")
    return program, log


def _read(program, what: str) -> bytes:
    from cuda.bindings import nvrtc  # pyright: ignore[reportAttributeAccessIssue]

    status, size = getattr(nvrtc, f"nvrtcGet{what}Size")(program)
    _expect(status, f"size the {what}")
    content = bytes(size + 1)  # NVRTC writes into it, and Python shares bytes objects of length 1 (an empty log)
    (status,) = getattr(nvrtc, f"nvrtcGet{what}")(program, content)
    _expect(status, f"give the {what}")
    return content[:size]


def _expect(status, what: str) -> None:
    if int(status) != 0:
        raise RuntimeError(f"NVRTC could not {what}: {status}")
