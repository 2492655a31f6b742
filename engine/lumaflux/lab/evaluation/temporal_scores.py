"""All scores of one clip under a preset that need more than one frame at a time."""

from typing import Any

import torch
from torch import Tensor

from lumaflux.color import pq
from lumaflux.inference import motion
from lumaflux.lab.evaluation.metrics import cvvdp
from lumaflux.lab.evaluation.metrics.flicker import LightTracks
from lumaflux.lab.evaluation.metrics.warping_error import WarpingError
from lumaflux.lab.evaluation.presets import Preset
from lumaflux.lab.evaluation.scores import UNAVAILABLE

_WARPING_KEYS = ("warping_error", "warping_error_reference", "warping_error_excess")
_CVVDP_KEY = "cvvdp_jod"


class TemporalScorer:
    """Takes a clip frame by frame, in order, and keeps the last frame; ``frame_rate`` in Hz.

    Where ColorVideoVDP is installed the clip is also written to temporary files, which go with this object.
    Raises UserError when LUMAFLUX_CVVDP names an interpreter without it.
    """

    def __init__(self, preset: Preset, frame_rate: float):
        self._keys = preset.temporal_keys
        self._light = LightTracks(frame_rate)
        wants_flow = any(key in _WARPING_KEYS for key in self._keys)
        self._warping = WarpingError() if wants_flow and motion.available() else None
        python = cvvdp.interpreter() if _CVVDP_KEY in self._keys else None
        self._cvvdp = None if python is None else cvvdp.ColorVideoVdp(python, frame_rate)
        self._shape: torch.Size | None = None

    @torch.no_grad()
    def add(self, test_pq: Tensor, reference_pq: Tensor, sdr: Tensor | None = None) -> None:
        """The next frame: PQ pictures [3,H,W] or [1,3,H,W] and the SDR source, in [0,1].

        Raises ValueError for sizes that differ, also from the frame before, and for values that are not finite.
        """
        test, reference = _picture(test_pq, "test"), _picture(reference_pq, "reference")
        source = None if sdr is None else _picture(sdr, "SDR")
        expected = test.shape if self._shape is None else self._shape
        for picture in (test, reference, *(() if source is None else (source,))):
            if picture.shape != expected:
                raise ValueError(f"a clip's frames differ in size: {tuple(picture.shape)} and {tuple(expected)}")
        self._shape = expected
        self._light.add(pq.eotf(test), pq.eotf(reference))
        if self._warping is not None:
            self._warping.add(test, reference, source)
        if self._cvvdp is not None:
            self._cvvdp.add(test, reference)

    def scores(self) -> dict[str, Any]:
        """Score by key: a number, None where it has no meaning (a single frame, a short clip), or "unavailable".

        ``cvvdp_jod`` of a single frame is that of a still. Raises UserError when ColorVideoVDP fails.
        """
        scores: dict[str, Any] = dict(self._light.scores())
        if self._warping is None:
            scores |= dict.fromkeys(_WARPING_KEYS, UNAVAILABLE)
        else:
            scores |= zip(_WARPING_KEYS, self._warping.scores() or (None, None, None), strict=True)
        scores[_CVVDP_KEY] = UNAVAILABLE if self._cvvdp is None else self._cvvdp.score()
        return {key: scores[key] for key in self._keys}

    def tracks(self) -> dict[str, dict[str, list[float]]]:
        """cd/m2 a frame: ``mean``, ``p50`` and ``p99`` of "prediction" and "reference"."""
        return self._light.tracks()


def _picture(picture: Tensor, name: str) -> Tensor:
    whole = picture[None] if picture.ndim == 3 else picture
    if whole.ndim != 4 or whole.shape[:2] != (1, 3):
        raise ValueError(f"expected the {name} frame as [3,H,W], got {tuple(picture.shape)}")
    if not torch.isfinite(whole).all():
        raise ValueError(f"the {name} frame holds NaN or infinite values")
    return whole
