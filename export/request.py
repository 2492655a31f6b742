"""What a person asks of a build."""

from dataclasses import dataclass
from pathlib import Path

from lumaflux.backends.bundle import Backend, Precision


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is built; ``sizes`` are (width, height): least, usual, largest."""

    model: str
    adapters: Path | None
    backbone: Path | None
    precision: Precision
    target: str
    backend: Backend
    sizes: tuple[tuple[int, int], ...]
    calibration: Path | None
    out: Path
    frames: int = 2
    by_blocks: bool | None = None  # the velocity as one graph a block; None where its weights are large
