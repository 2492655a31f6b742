"""LumaFlux itself as a method: the product's path (``render``), the paper's (``convert``: direct), or the product's
without the transformer (bypass), which shows what the transformer is worth."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.methods.method import Frame
from lumaflux.lab.evaluation.sets.manifest import Clip, sha256
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter

Route = Literal["render", "direct", "bypass"]
_FILES = ("config.json", "backbone.safetensors", "adapters.safetensors")


@dataclass(frozen=True, kw_only=True)
class NetworkMethod:
    """``model``: a name that comes with its weights, or a model directory. Loaded at the first frame."""

    name: str
    model: str
    path: Route = "render"
    settings: Settings = field(default_factory=Settings)
    device: str | None = None
    precision: str | None = None
    told: str | None = None

    def __post_init__(self) -> None:
        from lumaflux.model.presets import HUB_BACKBONES, PRESETS

        if self.model in HUB_BACKBONES:
            raise UserError(f"{self.model} needs adapters; name a model directory that holds {', '.join(_FILES)}")
        if self.model not in PRESETS and not self._directory().is_dir():
            raise UserError(f"unknown model '{self.model}'; name lite, tiny or a model directory")

    def describe(self) -> dict[str, Any]:
        """Weights by their SHA-256, so that a model trained on is another method."""
        settings = asdict(self.settings)
        if self.path == "direct":
            settings = {key: settings[key] for key in ("steps", "seed")}
        return {
            "kind": "model",
            "path": self.path,
            "weights": self._weights(),
            "settings": settings,
            "precision": self.precision,
        }

    def predictions(self, clip: Clip, frames: Iterable[Frame]) -> Iterator[np.ndarray]:
        return map(self._predict, frames)

    def _predict(self, frame: Frame) -> np.ndarray:
        if self.path == "direct":
            settings = self.settings
            return self._converter.convert(frame.sdr, steps=settings.steps or None, seed=settings.seed).hdr_pq
        return self._converter.render(frame.sdr, self.settings)

    @cached_property
    def _converter(self) -> "Converter":
        from lumaflux.inference.converter import Converter
        from lumaflux.inference.load import load

        converter = load(self.model, device=self.device, dtype=self.precision)
        return Converter(converter.backend, bypass=True) if self.path == "bypass" else converter

    def _directory(self) -> Path:
        from lumaflux.inference.weights import LITE

        return LITE if self.model == "lite" else Path(self.model)

    def _weights(self) -> str:
        directory = self._directory()
        if not directory.is_dir():
            return f"{self.model}, random, seed 0"
        together = hashlib.sha256()
        for file in _FILES:
            if not (directory / file).is_file():
                raise UserError(f"the model directory {directory} has no {file}")
            together.update(sha256(directory / file).encode())
        return together.hexdigest()
