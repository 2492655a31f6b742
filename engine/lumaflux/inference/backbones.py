"""Where the frozen weights of a named model lie: a path that the user names, or the store (`lumaflux models`)."""

import logging
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.store.known_models import KNOWN
from lumaflux.store.model_store import RECORD, find, folder_of, read_record

TOWER = "siglip"
ADAPTERS = "adapters.safetensors"  # of a model directory
log = logging.getLogger(__name__)


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


def is_release(folder: Path) -> bool:
    """Whether a model directory has its frozen parts as diffusers writes them, instead of in one file."""
    return (folder / "transformer").is_dir()


def base_of(backbone: Path | None, name: str) -> dict[str, str]:
    """Repository, revision and licence of a backbone that `lumaflux models` fetched; nothing of another."""
    folder = find(name) if backbone is None else backbone
    if folder is None or not (folder / RECORD).is_file():
        return {}
    record = read_record(folder)
    return {"repository": record.repository, "revision": record.revision, "licence": record.licence}


def warn_of_another_base(metadata: dict[str, str], backbone: Path | None, name: str) -> None:
    """Says so where adapters were trained on another revision than the one that they are loaded on."""
    trained, loaded = metadata.get("base_revision"), base_of(backbone, name).get("revision")
    if trained and loaded and trained != loaded:
        log.warning("these adapters were trained on revision %s of %s, not on %s", trained, name, loaded)


def adapters_of(named: Path) -> Path:
    """The file named, or that of fetched adapters whose name it is."""
    if named.exists() or str(named) not in KNOWN or (folder := find(str(named))) is None:
        return named
    files = sorted(folder.rglob("*.safetensors"))
    if len(files) != 1:
        raise UserError(f"{folder} holds {len(files)} adapter files; name one of them")
    return files[0]
