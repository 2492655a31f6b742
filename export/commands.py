"""The stages of an engine as commands, and `build-engine`, which runs them all."""

from pathlib import Path
from typing import Literal

from cyclopts import App

from lumaflux.errors import UserError
from lumaflux.version import __version__

app = App(name="python -m export", help="Export a model as ONNX files and engines.", version=__version__)


@app.command
def build_engine(
    *,
    out: Path | None = None,
    model: str = "lite",
    adapters: Path | None = None,
    backbone: Path | None = None,
    precision: str = "fp32",
    target: str = "cpu",
    backend: str = "ort",
    sizes: str = "64x64:256x256:1920x1088",
    calibration: Path | None = None,
    frames: int = 2,
    by_blocks: bool | None = None,
) -> None:
    """Trace, quantise, verify and build a bundle; an interrupted build is taken up at its stage.

    Parameters
    ----------
    out
        The bundle's directory; if not named, an onnxruntime engine for the CPU in fp32 is installed for this user:
        `lumaflux convert` and the effect's worker then take it by themselves.
    model
        lite, flux-dev, flux-schnell, or a model directory.
    adapters
        An adapter file to load over the model's own.
    backbone
        The local directory of a FLUX.1 release, with SigLIP in its siglip/.
    precision
        fp32, fp16, bf16 or fp8.
    target
        sm_80, sm_86, sm_89, sm_90, sm_120 or cpu.
    backend
        ort, rtx or trt.
    sizes
        The least, the usual and the largest frame: 512x512:1024x1024:1920x1088.
    calibration
        A clip, a picture or a directory of pictures: for fp8, and for the agreement of whole frames.
    frames
        How many of them.
    by_blocks
        The transformer as one graph a block, so that its weights never stand in memory twice; unless named, from 4 GiB
        of weights on.
    """
    from .build import build_engine as build
    from .targets import Request, parse_sizes

    out = out or _installed(model, adapters, (precision, target, backend))
    manifest = build(
        Request(
            model=model,
            adapters=adapters,
            backbone=backbone,
            precision=precision,  # pyright: ignore[reportArgumentType] (checked by the build)
            target=target,
            backend=backend,  # pyright: ignore[reportArgumentType]
            sizes=parse_sizes(sizes),
            calibration=calibration,
            out=out,
            frames=frames,
            by_blocks=by_blocks,
        )
    )
    print(f"{out}: {len(manifest.parts)} parts in {manifest.precision} for {manifest.target}; {manifest.note}")


def _installed(model: str, adapters: Path | None, kind: tuple[str, str, str]) -> Path:
    from lumaflux.inference.installed_engine import installed_folder
    from lumaflux.inference.weights import weight_digests

    if kind != ("fp32", "cpu", "ort"):
        raise UserError(
            f"an engine in {' for '.join(kind[:2])} is not installed by itself; name its directory with --out"
        )
    return installed_folder(*weight_digests(model, adapters))


@app.command
def trace(
    *,
    out: Path,
    model: str = "lite",
    adapters: Path | None = None,
    precision: Literal["fp32", "fp16", "bf16"] = "fp32",
) -> None:
    """Write the ONNX files of every part, with dynamic frame sizes.

    Parameters
    ----------
    out
        Where they go.
    model
        lite, or a model directory.
    adapters
        An adapter file to load over the model's own.
    precision
        fp32, fp16 or bf16.
    """
    from lumaflux.backends.device import DTYPES
    from lumaflux.inference.load import load_network

    from .trace import trace as write

    if there := sorted(out.glob(f"*-{precision}.onnx")):
        raise UserError(f"{there[0]} is there already, of these weights or others; name another directory with --out")
    network = load_network(model, adapters=adapters).eval()
    for name, path in write(network.cast(DTYPES[precision]), out, print, tag=precision).items():
        print(f"{name}: {path}")
