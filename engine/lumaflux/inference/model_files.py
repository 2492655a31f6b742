"""Where a model's weights lie, and their digests. Light: nothing here loads the network or torch."""

from pathlib import Path

from lumaflux.backends.bundle import sha256

LITE = Path(__file__).parents[1] / "weights" / "lite"


def weight_digests(model: str, adapters: Path | None = None) -> tuple[str, str]:
    """SHA-256 of a model's frozen weights and of its adapters; the name, or "none", where no local file holds them."""
    folder = LITE if model == "lite" else Path(model)
    backbone, adapters = folder / "backbone.safetensors", adapters or folder / "adapters.safetensors"
    return sha256(backbone) if backbone.is_file() else model, sha256(adapters) if adapters.is_file() else "none"
