"""Where the frozen weights of a named model lie: a path that the user names, or the store (`lumaflux models`)."""

from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.store.known_models import KNOWN
from lumaflux.store.model_store import find, folder_of

TOWER = "siglip"


def backbone_of(name: str, backbone: Path | None) -> tuple[Path, Path | None]:
    """The backbone's folder or file, and the tower's folder where it is not beside it.

    Nothing is fetched. Raises UserError, with what to do, for what is not there.
    """
    try:
        if backbone is None:
            return folder_of(name), folder_of(TOWER)
        beside = (backbone if backbone.is_dir() else backbone.parent) / TOWER
        return backbone, None if beside.is_dir() or find(TOWER) is None else folder_of(TOWER)
    except UserError as error:
        raise UserError(f"{name}: {error}, or name a folder of it with --backbone (docs/guide/flux.md)") from None


def adapters_of(named: Path) -> Path:
    """The file named, or that of fetched adapters whose name it is."""
    if named.exists() or str(named) not in KNOWN or (folder := find(str(named))) is None:
        return named
    files = sorted(folder.rglob("*.safetensors"))
    if len(files) != 1:
        raise UserError(f"{folder} holds {len(files)} adapter files; name one of them")
    return files[0]
