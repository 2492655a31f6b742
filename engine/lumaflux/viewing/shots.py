"""The shots of a clip at a glance: the frame in the middle of each, its exposure, and the light of the whole shot."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.media.display_light import DisplayLight
from lumaflux.media.metadata.shot_levels import ShotLevels, ShotLight
from lumaflux.viewing.scopes import light_facts
from lumaflux.viewing.views import Pixels, peak_of, reduced, viewable

THUMBNAIL = 200  # pixels wide
MOST = 120  # shots that a page shows


@dataclass(frozen=True, kw_only=True)
class ShotView:
    """``exposure``: of the middle frame, in stops as :class:`lumaflux.viewing.scopes.LightFacts` has it."""

    light: ShotLight
    frame: int
    exposure: float
    thumbnail: Pixels


def shot_views(
    source: DisplayLight, progress: Callable[[int, int | None], None] = lambda done, total: None
) -> tuple[list[ShotView], int]:
    """The first MOST shots, and how many there are. Two passes, for where shots end is known after the first.

    Raises UserError for a source without frames, FrameError for one that cannot be decoded.
    """
    levels, numbers = ShotLevels(), []
    for frame in source.frames():
        levels.add_pq(np.asarray(pq.inverse_eotf(frame.nits), np.float32))
        numbers.append(frame.number)
        progress(len(numbers), source.info.frame_count if source.kind == "clip" else len(source.numbers or ()))
    levels.end()
    if not numbers:
        raise UserError(f"{source.path} holds no frames; there is nothing to see")
    shown = {numbers[(shot.first + shot.last) // 2]: shot for shot in levels.shots[:MOST]}
    last = max(shown)
    views = []
    for frame in source.frames(lambda number: number in shown):
        peak = peak_of(frame.nits, source.info)
        views.append(
            ShotView(
                light=shown[frame.number],
                frame=frame.number,
                exposure=light_facts(frame.nits).exposure,
                thumbnail=viewable(reduced(frame.nits, THUMBNAIL), peak),
            )
        )
        if frame.number == last:
            break
    return views, len(levels.shots)
