"""Asks for the predictions that a report shows, each once, and keeps of them only what the page needs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.report.pictures import Picture, frame_pictures
from lumaflux.lab.evaluation.report.tone_curves import ToneCurve, tone_curve

FrameName = tuple[str, str, int]  # method, clip, frame
Progress = Callable[[int, int | None], None]


class Render(Protocol):
    """A method's prediction of one frame, made again: SDR [3,H,W] float32 in [0,1], then the prediction and the
    reference [3,H,W] in PQ/BT.2020. Raises UserError when it cannot."""

    def __call__(self, method: str, clip: str, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """``pictures`` is empty where only curves were asked for; ``error`` says why there is nothing."""

    pictures: dict[str, Picture]
    prediction_curve: ToneCurve | None
    reference_curve: ToneCurve | None
    error: str | None = None


def render_frames(
    render: Render,
    with_pictures: Iterable[FrameName],
    with_curves: Iterable[FrameName],
    *,
    picture_bytes: int,
    progress: Progress = lambda done, total: None,
) -> dict[FrameName, Rendered]:
    """``picture_bytes`` is shared evenly between the frames with pictures. A frame that cannot be made again is kept
    with its reason."""
    pictured = set(with_pictures)
    wanted = sorted(pictured | set(with_curves))
    budget = picture_bytes // max(len(pictured), 1)
    found = {}
    for done, name in enumerate(wanted):
        progress(done, len(wanted))
        found[name] = _rendered(render, name, budget if name in pictured else 0)
    progress(len(wanted), len(wanted))
    return found


def _rendered(render: Render, name: FrameName, budget: int) -> Rendered:
    try:
        sdr, prediction, reference = (np.asarray(planes, dtype=np.float32) for planes in render(*name))
        return Rendered(
            pictures=frame_pictures(sdr, prediction, reference, budget) if budget else {},
            prediction_curve=tone_curve(sdr, prediction),
            reference_curve=tone_curve(sdr, reference),
        )
    except (UserError, ValueError, OSError) as error:
        return Rendered(pictures={}, prediction_curve=None, reference_curve=None, error=str(error))
