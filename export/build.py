"""`build-engine`: trace, quantise, verify, build and the manifest, in stages that a later run takes up."""

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path

import torch

from lumaflux.backends.bundle import (
    MANIFEST,
    Agreement,
    FrameAgreement,
    Manifest,
    PartRecord,
    parts_named,
    sha256,
)
from lumaflux.backends.by_blocks import VELOCITY, is_block
from lumaflux.backends.device import DTYPES
from lumaflux.backends.torch import TorchBackend
from lumaflux.inference.converter import Converter
from lumaflux.inference.load import load_network
from lumaflux.inference.weights import weight_digests
from lumaflux.model.checkpoint import write_tensors
from lumaflux.model.lumaflux import LumaFlux
from lumaflux.model.pretrained import Placement
from lumaflux.version import __version__

from .bundle_folder import bundle_folder, publish, working_folder
from .calibration import frames_of, velocity_samples
from .engines.kernel_nodes import nodes_of, reason_against
from .parts import EXAMPLE
from .quantize import KEPT, calibrate, quantise, quantise_blocks
from .storage import data_file
from .targets import Request, by_blocks, check_request, config_of, needs
from .trace import trace
from .verify import refuse_disagreement, verify_frames, verify_parts

_HOST = ("cues.", "conditioner.", "tone_predictor.")
_TOOLS = ("torch", "onnx", "onnxscript", "onnxruntime", "tensorrt-rtx", "tensorrt", "diffusers", "transformers")
NOT_EXECUTED = "compiled, not executed on a device: agreement is that of the ONNX graph through onnxruntime's CPU"
EXECUTED = "executed on this machine's CPU through onnxruntime"


Say = Callable[[str], None]


def build_engine(request: Request, say: Say = print) -> Manifest:
    """Builds a bundle into ``request.out``. Raises UserError before work starts for what cannot be built."""
    request = replace(request, out=bundle_folder(request.out))
    check_request(request)
    begun = time.perf_counter()
    frames = frames_of(request.calibration, request.frames + 1) if request.calibration else []
    unseen, frames = frames[-1:], frames[: request.frames]  # calibration does not see the frame that fp8 is judged on
    with working_folder(request.out, _stated(request, frames)) as work:
        say(needs(request))
        clock: dict[str, float] = {}
        graphs = _graphs(request, work, say, clock)  # before the reference is read: one model at a time
        model = _model(request).eval()
        reference = Converter(TorchBackend(model, "cpu"))
        if request.precision == "fp8":
            samples = velocity_samples(reference, frames)
            graphs |= _quantised(graphs, reference.config, samples, work, say, clock)
            del samples  # which hold the reference
        config = reference.config.to_json()
        host = _host_file(model, work / f"host-{__version__}.safetensors")
        judged = next(velocity_samples(reference, unseen)) if request.precision == "fp8" else None
        parts = _verified(request, model, graphs, judged, work, say, clock)
        if request.precision != "bf16":
            refuse_disagreement(parts, None, request.precision)
        judging = frames or [example_frame()]
        expected = [reference.convert(frame).hdr_pq for frame in judging] if _executed(request) else []
        del reference, model  # a compiler needs the room, and so do an engine's sessions
        if request.backend != "ort":
            engines = _engines(request, graphs, work, say, clock)
            manifest = _manifest(request, config, graphs, engines, parts, host, clock)
        else:
            manifest = _manifest(request, config, graphs, {}, parts, host, clock)
            _write_manifest(manifest, work)
            if manifest.executed_on_device:
                say("verify: whole frames")
                frame = _whole_frames(work, judging, expected)
                refuse_disagreement(parts, frame, request.precision)
                manifest = manifest.model_copy(update={"frame": frame})
        manifest = manifest.model_copy(update={"build_seconds": round(time.perf_counter() - begun, 2)})
        _write_manifest(manifest, work)
        publish(manifest, work, request.out)
    return manifest


def _stated(request: Request, frames: list[torch.Tensor]) -> str:
    """What the stages' results depend on; fp8's scales come from the calibration frames."""
    calibration = None
    if request.precision == "fp8":
        calibration = [hashlib.sha256(frame.numpy().tobytes()).hexdigest() for frame in frames]
    weights = [*weight_digests(request.model, request.adapters), _files_of(request.backbone)]
    kind = (request.precision, request.target, request.backend, request.sizes, by_blocks(request))
    return json.dumps([*kind, calibration, *weights, __version__, _tools()])


def _files_of(folder: Path | None) -> list[list[str | int]]:
    """What tells a backbone's directory from another without reading it all."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder else []
    return [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files]


def _model(request: Request, dtype: str = "fp32") -> LumaFlux:
    """On the CPU; a published backbone comes in ``dtype`` from its files, others are in full precision."""
    placement = Placement(device=torch.device("cpu"), dtype=DTYPES[dtype], vae_dtype=torch.float32)
    return load_network(request.model, adapters=request.adapters, backbone=request.backbone, placement=placement)


def _graphs(request: Request, work: Path, say: Say, clock: dict[str, float]) -> dict[str, Path]:
    dtype = "fp16" if request.precision == "fp8" else request.precision
    tag = f"{dtype}-{__version__}"
    names = parts_named(config_of(request.model), by_blocks=by_blocks(request))
    there = {part: work / f"{part}-{tag}.onnx" for part in names}
    if all(path.exists() for path in there.values()):
        return there
    model = _model(request, dtype).eval()
    start = time.perf_counter()
    model.cast(DTYPES[dtype])
    graphs = trace(model, work, lambda part: say(f"trace: {part}"), tag=tag, by_blocks=by_blocks(request))
    clock["trace"] = time.perf_counter() - start
    return graphs


def _quantised(graphs: dict[str, Path], config, samples, work: Path, say: Say, clock) -> dict[str, Path]:
    """The graphs that hold products in fp8, by the names of their parts."""
    taken = [name for name in graphs if _holds_fp8(name)]
    targets = {name: work / f"{name}-fp8-{__version__}.onnx" for name in taken}
    if all(target.exists() for target in targets.values()):
        return targets
    start = time.perf_counter()
    if VELOCITY in graphs:
        count = quantise(graphs[VELOCITY], calibrate(graphs[VELOCITY], samples, work), targets[VELOCITY])
    else:
        count = quantise_blocks(graphs, targets, config, list(samples))
    say(f"quantise: {count} products in fp8")
    clock["quantise"] = time.perf_counter() - start
    return targets


def _holds_fp8(part: str) -> bool:
    return part == VELOCITY or is_block(part)


def _host_file(model: LumaFlux, target: Path) -> Path:
    state = model.adapters.state_dict()
    kept = {key: value.float().contiguous() for key, value in state.items() if key.startswith(_HOST)}
    write_tensors(kept, target)
    return target


def _verified(request, network, graphs, judged, work: Path, say: Say, clock) -> dict[str, dict[str, Agreement]]:
    if request.precision == "bf16":
        return {name: {} for name in graphs}
    note = work / ".verified.json"
    if note.is_file():
        stored = json.loads(note.read_text())
        return {part: {k: Agreement(**v) for k, v in found.items()} for part, found in stored.items()}
    say("verify: parts")
    start = time.perf_counter()
    rows, columns = EXAMPLE[0] + 32, EXAMPLE[1] - 32  # another size than the traced one
    tensors = {name: torch.from_numpy(value) for name, value in judged.items()} if judged is not None else None
    found = verify_parts(network, graphs, (rows, columns), tensors)
    clock["verify"] = time.perf_counter() - start
    note.write_text(json.dumps({part: {k: v.model_dump() for k, v in e.items()} for part, e in found.items()}))
    return found


def _engines(request: Request, graphs, work: Path, say: Say, clock) -> dict[str, Path]:
    from .engines.compile import Compiler

    compiler = Compiler(
        backend=request.backend,
        device=request.target,
        sizes=request.sizes,
        model=request.model,
        precision=request.precision,
    )
    made = {}
    for name, graph in graphs.items():
        tag = f"{request.precision}-{request.target}-{request.backend}-{__version__}"
        target = work / f"{name}-{tag}.engine"
        if not target.exists():
            say(f"build: {name}")
            start = time.perf_counter()
            compiler.compile(name, graph, target)
            clock[f"build {name}"] = time.perf_counter() - start
        made[name] = target
    return made


def _manifest(request, config, graphs, engines, parts, host: Path, clock) -> Manifest:
    model_sha, adapters_sha = weight_digests(request.model, request.adapters)
    low = "fp16" if request.precision == "fp8" else request.precision
    executed = _executed(request)
    records = {}
    for name, graph in graphs.items():
        engine, data = engines.get(name), data_file(graph)
        nodes, by_kernel = nodes_of(graph), _by_kernel(engine)
        records[name] = PartRecord(
            onnx=graph.name,
            sha256=sha256(graph),
            bytes=graph.stat().st_size,
            data=data.name if data.exists() else None,
            data_sha256=sha256(data) if data.exists() else None,
            engine=engine.name if engine else None,
            engine_sha256=sha256(engine) if engine else None,
            precision=request.precision if _holds_fp8(name) else low,
            agreement=parts[name],
            agreement_by="onnxruntime CPU" if parts[name] else "not compared: onnxruntime's CPU has no bf16",
            build_seconds=round(clock.get(f"build {name}", 0.0), 2),
            kernel_nodes=tuple(by_kernel),
            function_nodes=tuple(node for node in nodes if node not in by_kernel),
        )
    return Manifest(
        version=__version__,
        model=request.model if request.model == "lite" else Path(request.model).name,
        config=json.loads(json.dumps(config)),
        model_sha256=model_sha,
        adapters_sha256=adapters_sha,
        backend=request.backend,
        precision=request.precision,
        target=request.target,
        sizes=request.sizes,
        tools=_tools(),
        parts=records,
        by_blocks=VELOCITY not in records,
        host=host.name,
        host_sha256=sha256(host),
        higher_precision=KEPT if request.precision == "fp8" else (),
        executed_on_device=executed,
        note=EXECUTED if executed else NOT_EXECUTED,
        kernel=_said_of_kernel(request, records),
        machine=platform.machine(),
        build_seconds=0.0,
    )


def _by_kernel(engine: Path | None) -> list[str]:
    from .engines.compile import nodes_file

    return json.loads(nodes_file(engine).read_text()) if engine else []


def _said_of_kernel(request: Request, records: dict[str, PartRecord]) -> str:
    """Whether the engines hold the project's kernel; which nodes, each part's record says."""
    reason = reason_against(config_of(request.model), request.backend, request.precision)
    if reason is not None:
        return reason
    ours = sum(len(record.kernel_nodes) for record in records.values())
    left = sum(len(record.function_nodes) for record in records.values())
    return f"{ours} of {ours + left} GatedLowRank nodes took the project's kernel as a plugin; never executed"


def _tools() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _TOOLS:
        try:
            found[name] = version_of(name)
        except PackageNotFoundError:
            continue
    return found


def _executed(request: Request) -> bool:
    return request.backend == "ort" and request.target == "cpu" and request.precision != "bf16"


def _whole_frames(work: Path, frames: list[torch.Tensor], expected: list[torch.Tensor]) -> FrameAgreement:
    from lumaflux.backends.onnxruntime import OnnxRuntimeBackend

    return verify_frames(Converter(OnnxRuntimeBackend(work)), frames, expected)


def example_frame(height: int = 144, width: int = 176) -> torch.Tensor:
    """A drawn SDR frame [3,H,W]: ramps, a bright disc, noise."""
    generator = torch.Generator().manual_seed(1)
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    disc = ((x - 0.7) ** 2 + (y - 0.3) ** 2 < 0.02).float()
    picture = torch.stack([0.6 * x, 0.5 * y, 0.3 + 0.2 * x * y]) + 0.7 * disc
    return (picture + 0.01 * torch.randn(picture.shape, generator=generator)).clamp(0, 1)


def _write_manifest(manifest: Manifest, folder: Path) -> None:
    partial = folder / f".{MANIFEST}"
    partial.write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    os.replace(partial, folder / MANIFEST)
