"""Fits the static curve to training pairs: views of the training scenes through the eight renderings."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lumaflux.color.operators import OPERATORS
from lumaflux.lab.data.renderings import render_standard
from lumaflux.lab.data.views import FULL_SCALE, SceneViews, load_views
from lumaflux.lab.evaluation.static_curve import StaticCurve, fit_static_curve, write_curve

VIEWS_A_SCENE = 4


def fit_on_views(
    pool: Path, target: Path, progress: Callable[[int, int | None], None] = lambda done, total: None
) -> StaticCurve:
    """Fits a luma curve to ``VIEWS_A_SCENE`` views of every training scene, evenly spaced; writes it with its recipe.

    ``pool``: made by ``python -m lumaflux.lab.data.views``. Raises UserError when it is missing or empty.
    """
    scenes = load_views(pool, "train")
    curve = fit_static_curve(_pairs(scenes, progress), "luma")
    recipe = {
        "command": "lumaflux luma-eval fit-curve",
        "split": "train",
        "scenes": sorted(scene.name for scene in scenes),
        "views_a_scene": VIEWS_A_SCENE,
        "renderings": list(OPERATORS),
    }
    write_curve(target, curve, recipe)
    return curve


def _pairs(
    scenes: list[SceneViews], progress: Callable[[int, int | None], None]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    total = len(scenes) * len(OPERATORS)
    done = 0
    for scene in scenes:
        chosen = np.linspace(0, len(scene.views) - 1, min(VIEWS_A_SCENE, len(scene.views))).round().astype(int)
        masters = scene.views[chosen].astype(np.float32) / np.float32(FULL_SCALE)
        for operator in OPERATORS:
            yield render_standard(torch.from_numpy(masters), operator).numpy().astype(np.float32), masters
            done += 1
            progress(done, total)
