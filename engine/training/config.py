"""What a training run is: stage, data, schedule. Read from YAML; unknown names are errors."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from engine.errors import UserError

StageName = Literal["vae", "tower", "prior", "adapters"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """``run`` receives checkpoints and the log; ``views`` is the pool of engine.data.views; ``start`` holds the weights
    of earlier stages; ``model`` is the JSON configuration of the whole network; ``options`` belong to the stage."""

    stage: StageName
    run: Path
    views: Path
    model: Path
    start: Path | None = None
    steps: int
    batch: int
    crop: int
    learning_rate: float
    final_learning_rate: float = 0.0
    warmup: int = 100
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    ema: float = 0.999
    seed: int = 1
    threads: int = 2
    checkpoint_seconds: float = 120.0
    log_every: int = 25
    validate_every: int = 500
    validation_count: int = 24  # crops, of
    validation_size: int = 192  # pixels
    options: dict[str, Any] = field(default_factory=dict)


_PATHS = ("run", "views", "model", "start")


def read_train_config(path: Path) -> TrainConfig:
    """Reads a YAML configuration. Paths in it are relative to the working directory; ``~`` and variables expand.

    Raises UserError for a missing file, an unknown name or a missing one.
    """
    import os

    import yaml

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
    if "betas" in content:
        content["betas"] = tuple(content["betas"])
    try:
        return TrainConfig(**content)
    except TypeError as error:
        raise UserError(f"{path} is incomplete: {error}") from None
