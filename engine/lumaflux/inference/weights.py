"""Which weights render: where a model's files lie, and the one name that tells them from others.

Light: nothing here loads the network or torch.
"""

from pathlib import Path

from lumaflux.digests import sha256, text_digest
from lumaflux.errors import UserError
from lumaflux.options import ModelOptions

LITE = Path(__file__).parents[1] / "weights" / "lite"
NO_ENGINE = "none"  # named instead of an engine bundle: torch
_CONFIG, _BACKBONE, _ADAPTERS = "config.json", "backbone.safetensors", "adapters.safetensors"
_ENGINE_MANIFEST = "manifest.json"


def model_folder(model: str) -> Path:
    """Where the files of a model lie that ships or is a directory; of one known by name alone there is no such one."""
    return LITE if model == "lite" else Path(model)


def weight_digests(model: str, adapters: Path | None = None) -> tuple[str, str]:
    """SHA-256 of a model's frozen weights and of its adapters; the name, or "none", where no local file holds them."""
    folder = model_folder(model)
    backbone, adapters = folder / _BACKBONE, adapters or folder / _ADAPTERS
    return sha256(backbone) if backbone.is_file() else model, sha256(adapters) if adapters.is_file() else "none"


def weights_identity(options: ModelOptions) -> str:
    """``lite:1f0c...``, for instance: what a tone track is made with. Every byte of every file counts.

    Raises UserError for a directory that is no model's.
    """
    folder = model_folder(options.model)
    if folder.is_dir() and not (folder / _CONFIG).exists():
        raise UserError(f"{folder} is not a model directory: {_CONFIG} is missing")
    files = [folder / _CONFIG, folder / _BACKBONE, options.adapters or folder / _ADAPTERS]
    facts = [sha256(path) if path.is_file() else "none" for path in files]
    if options.backbone is not None and options.backbone.is_dir():
        files = sorted(path for path in options.backbone.rglob("*") if path.is_file())
        facts += [f"{path.relative_to(options.backbone)}:{sha256(path)}" for path in files]
    name = folder.resolve().name if folder.is_dir() else options.model
    return f"{name}:{text_digest(' '.join([name, *facts]))[:16]}"


def rendering_identity(options: ModelOptions) -> str:
    """The weights' identity with what evaluates them: ``lite:1f0c...:fp32:auto``, ``lite:1f0c...:default:auto:8be2...``
    under an engine bundle, whose manifest holds the digests of its parts."""
    words = [weights_identity(options), options.precision or "default", options.tile]
    if options.engine is not None and str(options.engine) != NO_ENGINE:
        manifest = options.engine / _ENGINE_MANIFEST
        words.append(sha256(manifest)[:16] if manifest.is_file() else str(options.engine))
    return ":".join(words)
