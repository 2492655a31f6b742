"""Which scenes of the large collections Luma-Eval holds out: 10 professional, 10 user-generated; never trained on.

The paper does not name its 20 sources. The rule here is ours and needs the scenes' names alone: sort them by the
SHA-256 of "luma-eval/COLLECTION/SCENE" and take the first ten.
"""

import hashlib
from collections.abc import Iterable, Mapping

from engine.data.layouts.records import HdrVideo

HELD_OUT: Mapping[str, int] = {"hidrovqa": 10, "chug": 10}
_SEED = "luma-eval"


def held_out_scenes(collection: str, scenes: Iterable[str]) -> list[str]:
    """The scenes of ``collection`` that are held out, in the rule's order; none of a collection without a rule."""

    def rank(scene: str) -> str:
        return hashlib.sha256(f"{_SEED}/{collection}/{scene}".encode()).hexdigest()

    return sorted(set(scenes), key=rank)[: HELD_OUT.get(collection, 0)]


def held_out_videos(collection: str, videos: Iterable[HdrVideo]) -> list[HdrVideo]:
    """One video of each held-out scene: the first by name."""
    by_scene: dict[str, HdrVideo] = {}
    for video in sorted(videos, key=lambda video: video.name):
        by_scene.setdefault(video.scene, video)
    return [by_scene[scene] for scene in held_out_scenes(collection, by_scene)]
