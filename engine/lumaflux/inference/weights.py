"""Which weights render: where a model's files lie, and the one name that tells them from others.

Light: nothing here loads the network or torch.
"""

from pathlib import Path

from lumaflux.digests import sha256, text_digest
from lumaflux.errors import UserError
from lumaflux.inference.backbones import TOWER, adapters_of, is_release
from lumaflux.options import ModelOptions
from lumaflux.store.known_models import KNOWN
from lumaflux.store.model_store import find, read_record

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

    Raises UserError for a directory that is no model's, and for what no directory can be called.
    """
    folder = model_folder(options.model)
    try:
        bare = folder.is_dir() and not (folder / _CONFIG).exists()
    except OSError as error:
        raise UserError(f"no model can be called {options.model[:80]}... ({error.strerror}); check the name") from None
    if bare:
        raise UserError(f"{folder} is not a model directory: {_CONFIG} is missing")
    adapters = adapters_of(options.adapters) if options.adapters else folder / _ADAPTERS
    files = [folder / _CONFIG, folder / _BACKBONE, adapters]
    facts = [sha256(path) if path.is_file() else "none" for path in files]
    facts += _backbone_facts(options)
    if options.look is not None:
        if not options.look.is_file():
            raise UserError(f"the look {options.look} is missing; make it by lumaflux learn")
        facts.append(f"look:{sha256(options.look)}")
    name = folder.resolve().name if folder.is_dir() else options.model
    return f"{name}:{text_digest(' '.join([name, *facts]))[:16]}"


def rendering_identity(options: ModelOptions) -> str:
    """The weights' identity with what evaluates them: ``lite:1f0c...:fp32:auto``, ``lite:1f0c...:default:auto:8be2...``
    under an engine bundle, whose manifest holds the digests of its parts."""
    words = [weights_identity(options), options.precision or "default", options.tile]
    if options.vram != "auto":
        words.append(f"vram-{options.vram}")  # it decides on eight bits and the working size
    if options.key_batch != 1:
        words.append(f"keys-{options.key_batch}")  # sums of a batch may differ in their last bits
    words += [name for name in ("quick_decode", "compile", "cuda_graphs") if getattr(options, name)]
    if options.engine is not None and str(options.engine) != NO_ENGINE:
        manifest = options.engine / _ENGINE_MANIFEST
        words.append(sha256(manifest)[:16] if manifest.is_file() else str(options.engine))
    return ":".join(words)


def _backbone_facts(options: ModelOptions) -> list[str]:
    """Digests of every file of the backbone; of one that was fetched those that were recorded, without reading it."""
    backbone = options.backbone
    if backbone is None and is_release(Path(options.model)):
        backbone = Path(options.model)
    if backbone is None:
        found = [find(name) for name in (options.model, TOWER)] if options.model in KNOWN else []
        return [f"{file.path}:{file.sha256}" for folder in found if folder for file in read_record(folder).files]
    if backbone.is_file():
        beside = [path for path in sorted(backbone.parent.glob("*.safetensors")) if path != backbone]
        files = [backbone, *beside, *sorted((backbone.parent / TOWER).glob("*.safetensors"))]
        return [f"{path.name}:{sha256(path)}" for path in files]
    files = sorted(path for path in backbone.rglob("*") if path.is_file())
    return [f"{path.relative_to(backbone)}:{sha256(path)}" for path in files]
