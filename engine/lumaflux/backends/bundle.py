"""An engine bundle: a directory of compiled or exported parts and ``manifest.json`` that says what they are.

A bundle made for other weights, another version or another device is refused with the reason.
"""

import platform
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from lumaflux.backends.by_blocks import VELOCITY, velocity_parts
from lumaflux.digests import sha256
from lumaflux.errors import UserError
from lumaflux.model.config import LumaFluxConfig, config_from_json
from lumaflux.version import __version__

MANIFEST, FORMAT = "manifest.json", 1
Precision = Literal["fp32", "fp16", "bf16", "fp8"]
Backend = Literal["ort", "rtx", "trt"]
PARTS = ("conditions", "velocity", "encode", "decode", "knots", "tone")  # a velocity by blocks has parts of its own


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Agreement(_Record):
    """Of a part with torch in fp32 on the same inputs: largest difference, relative L2, signal to noise in dB."""

    max_abs: float
    relative_l2: float
    snr_db: float


class PartRecord(_Record):
    """One part. ``engine``: the compiled file of a TensorRT backend; ``onnx`` is the graph that it was made of.

    ``kernel_nodes``: the GatedLowRank nodes that the project's kernel evaluates; ``function_nodes``: the others, whose
    function body is run or inlined.
    """

    onnx: str
    sha256: str
    bytes: int
    data: str | None = None
    data_sha256: str | None = None
    engine: str | None = None
    engine_sha256: str | None = None
    precision: Precision
    agreement: dict[str, Agreement]
    agreement_by: str
    build_seconds: float
    kernel_nodes: tuple[str, ...] = ()
    function_nodes: tuple[str, ...] = ()


class FrameAgreement(_Record):
    """Whole frames against torch in fp32: Delta-E-ITP (ITU-R BT.2124) as mean and largest mean of a frame."""

    frames: int
    size: tuple[int, int]
    delta_e_itp_mean: float
    delta_e_itp_worst_frame: float
    max_abs_pq: float


class Manifest(_Record):
    """What a bundle is. ``executed_on_device``: the compiled engines ran on the device that they are for.

    ``kernel``: whether they hold the project's kernel, or why not. ``by_blocks``: the velocity is one graph a block.
    """

    format: int = FORMAT
    version: str
    model: str
    config: dict
    model_sha256: str
    adapters_sha256: str
    backend: Backend
    precision: Precision
    target: str
    sizes: tuple[tuple[int, int], ...]
    tools: dict[str, str]
    parts: dict[str, PartRecord]
    by_blocks: bool = False
    host: str
    host_sha256: str
    frame: FrameAgreement | None = None
    higher_precision: tuple[str, ...] = ()
    executed_on_device: bool
    note: str
    kernel: str = ""
    machine: str
    build_seconds: float


def parts_named(config: LumaFluxConfig, *, by_blocks: bool) -> tuple[str, ...]:
    """The parts that a bundle must have."""
    blocks = velocity_parts(config) if by_blocks else (VELOCITY,)
    return tuple(name for part in PARTS for name in (blocks if part == VELOCITY else (part,)))


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a bundle; raises UserError when there is none, or it is damaged or of another format."""
    path = directory / MANIFEST
    if not directory.is_dir():
        raise UserError(f"{directory} is not an engine bundle: it is no directory")
    try:
        manifest = Manifest.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{directory} is not an engine bundle: {MANIFEST} is missing") from None
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise UserError(f"{path} is not a readable manifest ({first}); build the engine again") from None
    if manifest.format != FORMAT:
        raise UserError(f"{directory} has bundle format {manifest.format}; this LumaFlux reads {FORMAT}")
    return manifest


def check_bundle(directory: Path, manifest: Manifest, model_sha256: str | None, adapters_sha256: str | None) -> None:
    """Raises UserError, with the reason, for a bundle of another version or other weights, or with damaged files.

    A digest of None is not compared.
    """
    again = "build it again with `python -m export build-engine`"
    if manifest.version != __version__:
        raise UserError(
            f"the engine {directory} was built by version {manifest.version}, this is {__version__}; {again}"
        )
    if model_sha256 is not None and model_sha256 != manifest.model_sha256:
        raise UserError(f"the engine {directory} was built from other weights of '{manifest.model}'; {again}")
    if adapters_sha256 is not None and adapters_sha256 != manifest.adapters_sha256:
        raise UserError(f"the engine {directory} was built with other adapters; {again} --adapters FILE")
    if manifest.target == "cpu" and manifest.machine != platform.machine():
        raise UserError(
            f"the engine {directory} was built for {manifest.machine}, this is {platform.machine()}; {again}"
        )
    wanted = parts_named(config_from_json(manifest.config), by_blocks=True) if manifest.by_blocks else PARTS
    if missing := [part for part in wanted if part not in manifest.parts]:
        raise UserError(f"the engine {directory} lacks the part {missing[0]}; {again}")
    files = [(manifest.host, manifest.host_sha256)]
    for part in manifest.parts.values():
        files.append((part.onnx, part.sha256))
        files += [(part.data, part.data_sha256)] if part.data and part.data_sha256 else []
        files += [(part.engine, part.engine_sha256)] if part.engine and part.engine_sha256 else []
    for name, digest in files:
        path = directory / name
        if Path(name).name != name:
            raise UserError(f"the manifest of {directory} names '{name}', which is not a file of the bundle")
        if not path.is_file():
            raise UserError(f"the engine {directory} lacks {name}; {again}")
        if sha256(path) != digest:
            raise UserError(f"{path} is damaged: its digest is not the manifest's; {again}")
