"""Makes single frames of a benchmark run again, for a report's pictures."""

from pathlib import Path
from typing import Any

import numpy as np

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.methods.method import ClipFrames, Method
from lumaflux.lab.evaluation.methods.named import method_named
from lumaflux.lab.evaluation.sets.manifest import Clip, read_manifest
from lumaflux.lab.evaluation.units import triples
from lumaflux.settings import Settings

Triple = tuple[np.ndarray, np.ndarray, np.ndarray]


def render_frame(set_folder: Path, method: Method, clip: Clip, frame: int) -> Triple:
    """SDR as coded, the method's prediction and the reference (PQ/BT.2020), each [3,H,W] float32.

    Raises UserError or ValueError for a frame that cannot be scored.
    """
    if not 0 <= frame < len(clip.references):
        raise UserError(f"clip {clip.name} has no frame {frame}; it has 0 to {len(clip.references) - 1}")
    result = next(triples(method, ClipFrames(folder=set_folder, clip=clip, numbers=range(frame, frame + 1))))
    if isinstance(result, Exception):
        raise result
    prediction, reference, sdr = (picture[0].numpy() for picture in result)
    return sdr, prediction, reference


class FrameRenderer:
    """Frames by the names that a run's records have. ``options``: the run's, see ``read_options``."""

    def __init__(self, set_folder: Path, options: dict[str, Any]):
        self._folder = set_folder
        self._clips = {clip.name: clip for clip in read_manifest(set_folder).clips}
        self._options = options
        self._method: tuple[str, Method] | None = None  # one model at a time

    def __call__(self, method: str, clip: str, frame: int) -> Triple:
        """Raises UserError for a name that the run or the set does not have, and when a method has changed since."""
        if clip not in self._clips:
            raise UserError(f"the set in {self._folder} has no clip {clip}; name the set that the run was made on")
        if self._method is None or self._method[0] != method:
            self._method = method, self._made_again(method)
        return render_frame(self._folder, self._method[1], self._clips[clip], frame)

    def _made_again(self, name: str) -> Method:
        if name not in self._options["methods"]:
            raise UserError(f"the run has no method {name}; it has {', '.join(self._options['methods'])}")
        described = dict(self._options["methods"][name])
        method = method_named(
            described.pop("specification"),
            settings=Settings(**described.get("settings", {})),
            device=self._options["software"]["device"],
            precision=described.get("precision"),
        )
        if {"told": method.told} | method.describe() != described:
            raise UserError(f"{name} has changed since the run; score it anew with --fresh")
        return method
