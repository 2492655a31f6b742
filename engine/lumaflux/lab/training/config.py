"""What a training run is: stage, data, schedule. Read from YAML; unknown names are errors."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from lumaflux.errors import UserError
from lumaflux.lab.data.scenes import Split
from lumaflux.lab.data.sources import Kind

if TYPE_CHECKING:
    from lumaflux.lab.data.views import SceneViews

StageName = Literal["vae", "tower", "prior", "anchor", "adapters"]
Precision = Literal["float32", "bf16"]
Tracker = Literal["none", "trackio"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """``run`` receives checkpoints and the log. ``views``: a pool of lumaflux.lab.data.views, rendered while training;
    ``corpus`` a folder of ready pairs (lumaflux curate), which the adapter stage prefers. ``model`` is the JSON
    configuration of the network, or ``flux-dev`` or ``flux-schnell``; ``start`` holds the weights of earlier stages, or
    the release's directory. ``batch`` counts all processes; ``micro_batch`` pictures pass the network at once.
    ``precision`` is of the frozen network; what trains stays float32. ``resident``: masters lie on the device, and
    pairs are rendered there, a batch at a time. ``options`` belong to the stage."""

    stage: StageName
    run: Path
    views: Path | None = None
    corpus: Path | None = None
    model: Path
    start: Path | None = None
    steps: int
    batch: int
    micro_batch: int | None = None
    crop: int
    precision: Precision = "float32"
    gradient_checkpointing: bool = False
    resident: bool = False
    learning_rate: float
    final_learning_rate: float = 0.0
    warmup: int = 100
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    ema: float = 0.999
    seed: int = 1
    threads: int = 2
    tracker: Tracker = "none"
    checkpoint_seconds: float = 120.0
    log_every: int = 25
    validate_every: int = 500
    validation_count: int = 24  # crops, of
    validation_size: int = 192  # pixels
    options: dict[str, Any] = field(default_factory=dict)


_PATHS = ("run", "views", "corpus", "model", "start")


def _bundled(path: Path) -> Path:
    found = Path(__file__).parent / "configs" / path.with_suffix(".yaml")
    return found if not path.exists() and len(path.parts) == 1 and found.is_file() else path


def read_train_config(path: Path) -> TrainConfig:
    """Reads a YAML configuration: a file, or the name of a bundled one (``lite-vae``).

    Paths in it are relative to the working directory; ``~`` and variables expand. ``model`` may lie beside the
    configuration. Raises UserError for a missing file, an unknown name or a missing one.
    """
    import os

    import yaml

    path = _bundled(path)
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UserError(f"the training configuration {path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a training configuration: expected names with values")
    if unknown := sorted(set(content) - {f.name for f in fields(TrainConfig)}):
        raise UserError(f"{path} has unknown entries {unknown}")
    for name in _PATHS:
        if content.get(name):
            content[name] = Path(os.path.expandvars(content[name])).expanduser()
    if content.get("model") and not content["model"].exists() and (beside := path.parent / content["model"]).is_file():
        content["model"] = beside
    if "betas" in content:
        content["betas"] = tuple(content["betas"])
    try:
        config = TrainConfig(**content)
    except TypeError as error:
        raise UserError(f"{path} is incomplete: {error}") from None
    for name, allowed in (("stage", StageName), ("precision", Precision), ("tracker", Tracker)):
        if getattr(config, name) not in get_args(allowed):
            raise UserError(
                f"{path}: {name} is '{getattr(config, name)}'; choose one of {', '.join(get_args(allowed))}"
            )
    if config.views is None and config.corpus is None:
        raise UserError(f"{path} names no data; give 'views' (a pool of views) or 'corpus' (pairs of lumaflux curate)")
    return config


def training_views(
    config: TrainConfig, split: Split, kinds: Sequence[Kind] = ("panorama", "still")
) -> list["SceneViews"]:
    """The views of a split. Raises UserError when the configuration names no pool, or the split is empty."""
    from lumaflux.lab.data.views import load_views

    if config.views is None:
        raise UserError(f"the stage '{config.stage}' trains on views; name a pool with 'views'")
    return load_views(config.views, split, kinds)
