"""One stretch of one scene on its way into a set: its masters, and the SDR clips that come with them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumaflux.lab.data.scenes import Split
from lumaflux.lab.evaluation.sets.specification import Content

Masters = Callable[[], Iterable[NDArray[np.float32]]]


@dataclass(frozen=True, kw_only=True)
class Companion:
    """An SDR clip that comes as it is; ``write`` makes the file at a path that ends in ``suffix``."""

    rendering: str
    crf: int | None
    suffix: str
    write: Callable[[Path], object]


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """``masters`` yields ``frames`` frames, PQ/BT.2020 float32 [3,H,W]. ``frame_rate`` is None for a picture.

    ``made_from`` says what decides the pixels (plain values; source files by SHA-256), for resuming and the manifest.
    ``rendered``: whether the operators and encodes of the specification are made of it.
    """

    name: str
    scene: str
    split: Split
    content: Content
    licence: str
    frames: int
    frame_rate: Fraction | None
    made_from: Mapping[str, object]
    masters: Masters
    rendered: bool
    companions: tuple[Companion, ...] = field(default=())
