"""95 % intervals by the cluster bootstrap: scenes are drawn with replacement, with all of their clips.

Clips of one scene share their references and much of their difficulty; drawing single clips would promise too much.
Percentile intervals (Efron and Tibshirani 1993, chapter 13), clusters as in Davison and Hinkley 1997, 3.8.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 10_000
SEED = 2020
LEVEL = 0.95
SCENES_FOR_A_VERDICT = 6  # with n scenes even full agreement has p = 2 / 2^n by the sign test: below 0.05 from 6 on


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Each [n]. ``mean`` is NaN without any value, ``low`` and ``high`` are NaN with fewer than two scenes."""

    mean: Floats
    low: Floats
    high: Floats
    scenes: NDArray[np.int64]
    clips: NDArray[np.int64]

    def verdict(self, row: int) -> bool:
        """Whether row ``row``, a difference, can be told from zero."""
        enough = self.scenes[row] >= SCENES_FOR_A_VERDICT
        return bool(enough and (self.low[row] > 0 or self.high[row] < 0))


def scene_draws(scenes: int, resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[np.float64]:
    """[resamples, scenes]: how often each scene is in each resample; every row sums to ``scenes``."""
    return np.random.default_rng(seed).multinomial(scenes, np.full(scenes, 1 / scenes), size=resamples).astype(float)


def intervals(
    clip_values: Floats, scene_of_clip: NDArray[np.int64], *, resamples: int = RESAMPLES, seed: int = SEED
) -> Intervals:
    """The mean over clips and its interval, for each row of ``clip_values`` [n, clips]; NaN is a missing value.

    ``scene_of_clip`` [clips] are indices from 0. All rows see the same draws. Raises ValueError for shapes that
    do not fit.
    """
    if clip_values.ndim != 2 or scene_of_clip.shape != clip_values.shape[1:] or not scene_of_clip.size:
        raise ValueError(f"values {clip_values.shape} and scenes {scene_of_clip.shape} do not fit: [n,clips], [clips]")
    count = int(scene_of_clip.max()) + 1
    member = np.zeros((scene_of_clip.size, count))
    member[np.arange(scene_of_clip.size), scene_of_clip] = 1
    present = np.isfinite(clip_values)
    clips = present @ member
    # about each row's mean, so that a large common offset costs no digits
    centre = _ratio(np.where(present, clip_values, 0.0).sum(axis=1), present.sum(axis=1))
    sums = np.where(present, clip_values - centre[:, None], 0.0) @ member
    draws = scene_draws(count, resamples, seed)
    means = _ratio(draws @ sums.T, draws @ clips.T)
    scenes = (clips > 0).sum(axis=1)
    low, high = _quantiles(means)
    alone = scenes < 2
    return Intervals(
        mean=centre,
        low=np.where(alone, np.nan, centre + low),
        high=np.where(alone, np.nan, centre + high),
        scenes=scenes,
        clips=present.sum(axis=1),
    )


def _ratio(sums: Floats, counts: Floats) -> Floats:
    return np.where(counts > 0, sums / np.where(counts > 0, counts, 1), np.nan)


def _quantiles(means: Floats) -> tuple[Floats, Floats]:
    """Of [resamples, n]; a resample that met no value of a row is left out of that row."""
    bounds = np.full((2, means.shape[1]), np.nan)
    for column in range(means.shape[1]):
        met = means[~np.isnan(means[:, column]), column]
        if met.size:
            bounds[:, column] = np.quantile(met, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return bounds[0], bounds[1]
