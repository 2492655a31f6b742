"""Where the frozen weights of a named model lie: a folder that the user names, or the hub's cache."""

from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.model.presets import HUB_BACKBONES

_FLUX_FILES = ["transformer/*.safetensors*", "vae/*.safetensors*", "*/config.json"]
_TOWER_FILES = ["model.safetensors*", "config.json"]


def backbone_of(name: str, backbone: Path | None, *, offline: bool = False) -> tuple[Path, Path | None]:
    """The backbone's folder or file, and the tower's folder where it is not beside it."""
    if backbone is not None:
        return backbone, None
    from huggingface_hub import snapshot_download

    flux, siglip = HUB_BACKBONES[name]
    try:
        return (
            Path(snapshot_download(flux, allow_patterns=_FLUX_FILES, local_files_only=offline)),
            Path(snapshot_download(siglip, allow_patterns=_TOWER_FILES, local_files_only=offline)),
        )
    except OSError as error:
        first_line = str(error).strip().splitlines()[0]
        raise UserError(
            f"the frozen weights of {name} were not found ({first_line}); fetch {flux} and {siglip} once, "
            "or name their folder with --backbone"
        ) from None
