"""What tells one model from another when a sequence is resumed: digests of its files and what else decides pixels."""

from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.inference.model_files import LITE
from lumaflux.render.sequence_manifest import file_digest


def weights_identity(model: str, adapters: Path | None = None, backbone: Path | None = None) -> str:
    """``lite:1f0c...``, for instance: what a tone track is made with. Of large files, size and ends count.

    Raises UserError for a directory that is no model's.
    """
    import xxhash

    folder = Path(model)
    if model == "lite":
        folder = LITE
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise UserError(f"{folder} is not a model directory: config.json is missing")
    digest = xxhash.xxh3_64(model.encode() if not folder.is_dir() else b"")
    for part in (folder, adapters, backbone):
        if part is None or not part.exists():
            continue
        files = sorted(path for path in part.rglob("*") if path.is_file()) if part.is_dir() else [part]
        for path in files:
            digest.update(f"{path.name}:{file_digest(path)}".encode())
    return f"{folder.name if folder.is_dir() else model}:{digest.hexdigest()}"


def model_identity(
    model: str,
    adapters: Path | None = None,
    backbone: Path | None = None,
    precision: str | None = None,
    engine: Path | None = None,
) -> str:
    """The weights' identity with precision and engine: ``lite:1f0c...:fp32``, ``lite:1f0c...:default:8be2...``."""
    parts = [weights_identity(model, adapters, backbone), precision or "default"]
    if engine is not None:
        parts.append(file_digest(engine / "manifest.json"))
    return ":".join(parts)


def weights_of(identity: str) -> str:
    """The weights' part of a model's identity."""
    return ":".join(identity.split(":")[:2])
