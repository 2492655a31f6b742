"""Methods without a network: the baselines by name, the oracle that sees the reference, a fitted static curve."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lumaflux.lab.evaluation.baselines import BASELINES, TOLD
from lumaflux.lab.evaluation.methods.method import Frame
from lumaflux.lab.evaluation.sets.manifest import Clip
from lumaflux.lab.evaluation.static_curve import StaticCurve, oracle


@dataclass(frozen=True, kw_only=True)
class BaselineMethod:
    """One of ``BASELINES``."""

    name: str
    baseline: str

    @property
    def told(self) -> str | None:
        return TOLD.get(self.baseline)

    def describe(self) -> dict[str, Any]:
        return {"kind": "baseline", "baseline": self.baseline}

    def predictions(self, clip: Clip, frames: Iterable[Frame]) -> Iterator[np.ndarray]:
        return map(self._predict, frames)

    def _predict(self, frame: Frame) -> np.ndarray:
        return BASELINES[self.baseline](frame.sdr)


@dataclass(frozen=True, kw_only=True)
class OracleMethod:
    """The best curve of luma, and 3x3 matrix, fitted to every picture with its reference in hand: an upper bound."""

    name: str
    matrix: bool
    told: str | None = None

    def describe(self) -> dict[str, Any]:
        return {"kind": "oracle", "matrix": self.matrix, "sees": "the reference"}

    def predictions(self, clip: Clip, frames: Iterable[Frame]) -> Iterator[np.ndarray]:
        return map(self._predict, frames)

    def _predict(self, frame: Frame) -> np.ndarray:
        return oracle(frame.sdr, frame.reference_pq[0].numpy(), matrix=self.matrix)


@dataclass(frozen=True, kw_only=True)
class StaticCurveMethod:
    """One curve for all pictures, fitted to training pairs."""

    name: str
    curve: StaticCurve
    told: str | None = None

    def describe(self) -> dict[str, Any]:
        knots = np.concatenate([self.curve.signal, self.curve.pq]).astype("<f8").tobytes()
        return {"kind": "static-curve", "family": self.curve.family, "sha256": hashlib.sha256(knots).hexdigest()}

    def predictions(self, clip: Clip, frames: Iterable[Frame]) -> Iterator[np.ndarray]:
        return map(self._predict, frames)

    def _predict(self, frame: Frame) -> np.ndarray:
        return self.curve(frame.sdr)
