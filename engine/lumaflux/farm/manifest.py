"""Makes a job's manifest from what a person asked for: input, model, settings, device, versions."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.farm.frame_set import frames_text, parse_frames
from lumaflux.farm.job import Manifest
from lumaflux.render.motion_blending import check_motion_blending
from lumaflux.render.numbered_source import Source, digest_of_file, digest_of_text, open_source
from lumaflux.render.source_kind import settings_for
from lumaflux.settings import Settings

_MODEL_FILES = "*.safetensors", "*.json"


@dataclass(frozen=True, kw_only=True)
class Order:
    """``frames`` as a set (all, if None); ``tone_track``: a file, "none", or None to find one.

    ``motion_blending`` from 0 to 1: how much the neighbours' gain maps count. ``threads`` of a CPU worker: sums depend
    on it, so a job fixes it.
    """

    source: Path
    settings: Settings = field(default_factory=Settings)
    model: str = "lite"
    frames: str | None = None
    tone_track: str | None = None
    motion_blending: float = 0.0
    device: str | None = None
    precision: str | None = None
    threads: int = 1
    force_sdr: bool = False


def manifest_of(order: Order, track: Path | None = None) -> tuple[Manifest, Source]:
    """``track``: the tone track that the job renders under.

    Raises UserError for an input, a model or a device that is not there, and for frames that the input lacks.
    """
    import torch

    from lumaflux import __version__
    from lumaflux.backends.device import DTYPES, pick_device, pick_dtype

    if order.threads < 1:
        raise UserError(f"threads are {order.threads}; give one or more")
    check_motion_blending(order.motion_blending, order.settings, order.tone_track)
    source = open_source(order.source, allow_hdr=order.force_sdr)
    numbers = source.numbers
    if order.frames is not None:
        numbers = parse_frames(order.frames)
        if lacking := sorted(set(numbers) - set(source.numbers)):
            raise UserError(
                f"{order.source} has no frames {frames_text(lacking)}; it has {frames_text(source.numbers)}"
            )
    device = pick_device(order.device)
    dtype = pick_dtype(order.precision, device)
    manifest = Manifest(
        source=str(source.path.resolve()),
        source_kind="video" if source.kind == "video" else "sequence",
        source_digest=source.digest,
        width=source.width,
        height=source.height,
        frames=frames_text(numbers),
        settings=asdict(settings_for(order.settings, order.source)[0]),
        model=order.model,
        model_digest=model_digest(order.model),
        tone_track=None if track is None else _track_digest(track),
        motion_blending=order.motion_blending,
        force_sdr=order.force_sdr,
        device=device.type,
        precision=next(name for name, kind in DTYPES.items() if kind == dtype),
        threads=order.threads,
        engine=__version__,
        torch=torch.__version__,
    )
    return manifest, source


def _track_digest(path: Path) -> str:
    try:
        return digest_of_text(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(
            f"the tone track {path} cannot be read ({error.strerror}); make it by lumaflux analyze"
        ) from None


def model_digest(model: str) -> str:
    """Of a directory's weights and configuration; of a model that ships or is known by name, of name and weights."""
    from lumaflux.inference.model_files import LITE

    folder = LITE if model == "lite" else Path(model)
    files = sorted(path for pattern in _MODEL_FILES for path in folder.glob(pattern)) if folder.is_dir() else []
    name = model if model == "lite" or not folder.is_dir() else ""
    return digest_of_text(" ".join([name, *(f"{path.name} {digest_of_file(path)}" for path in files)]))
