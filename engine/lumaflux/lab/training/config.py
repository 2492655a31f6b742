"""What a training run is: stage, data, schedule. Read from YAML; unknown names, types and ranges are errors."""

import os
import re
from collections.abc import Sequence
from dataclasses import field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from lumaflux.errors import UserError
from lumaflux.lab.data.scenes import Split
from lumaflux.lab.data.sources import Kind

if TYPE_CHECKING:
    from lumaflux.lab.data.views import SceneViews

StageName = Literal["vae", "tower", "prior", "anchor", "adapters"]
Precision = Literal["float32", "bf16"]
Tracker = Literal["none", "trackio"]
Rate = Annotated[float, Field(ge=0)]
Decay = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
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
    steps: int = Field(ge=0)
    batch: Count
    micro_batch: Count | None = None
    crop: Count
    precision: Precision = "float32"
    gradient_checkpointing: bool = False
    resident: bool = False
    learning_rate: Rate
    final_learning_rate: Rate = 0.0
    warmup: int = Field(100, ge=0)
    weight_decay: Rate = 0.0
    betas: tuple[Decay, Decay] = (0.9, 0.99)
    clip: float = Field(1.0, gt=0)
    ema: Decay = 0.999
    seed: int = 1
    threads: Count = 2
    tracker: Tracker = "none"
    checkpoint_seconds: float = Field(120.0, ge=0)
    log_every: Count = 25
    validate_every: Count = 500
    validation_count: Count = 24  # crops, of
    validation_size: Count = 192  # pixels
    options: dict[str, Any] = field(default_factory=dict)


_PATHS = ("run", "views", "corpus", "model", "start")


class _Loader(yaml.SafeLoader):
    """YAML as everybody writes it: PyYAML's 1.1 takes ``2e-4`` for a string, 1.2 (10.3.2) for a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+$"), list("-+.0123456789")
)


def sentence_of(error: ValidationError) -> str:
    """Where and what the first mistake is."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    what = first["msg"][:1].lower() + first["msg"][1:]
    return f"{where} is missing" if first["type"] == "missing" else f"{where} is {first['input']!r}; {what}"


def _bundled(path: Path) -> Path:
    found = Path(__file__).parent / "configs" / path.with_suffix(".yaml")
    return found if not path.exists() and len(path.parts) == 1 and found.is_file() else path


def read_train_config(path: Path) -> TrainConfig:
    """Reads a YAML configuration: a file, or the name of a bundled one (``lite-vae``).

    Paths in it are relative to the working directory; ``~`` and variables expand. ``model`` may lie beside the
    configuration. Raises UserError for a missing file, an unknown name or a missing one, and for a value of another
    type or out of range.
    """
    path = _bundled(path)
    try:
        content = yaml.load(path.read_text(), _Loader)
    except OSError as error:
        raise UserError(f"the training configuration {path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a training configuration: expected names with values")
    if unknown := sorted(set(content) - {f.name for f in fields(TrainConfig)}):
        raise UserError(f"{path} has unknown entries {unknown}")
    for name in _PATHS:
        if isinstance(content.get(name), str):
            content[name] = Path(os.path.expandvars(content[name])).expanduser()
    model = content.get("model")
    if isinstance(model, Path) and not model.exists() and (beside := path.parent / model).is_file():
        content["model"] = beside
    try:
        config = TrainConfig(**content)
    except ValidationError as error:
        raise UserError(f"{path}: {sentence_of(error)}") from None
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
