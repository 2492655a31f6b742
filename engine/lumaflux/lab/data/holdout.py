"""Which scenes of the large collections are never trained on, Luma-Eval's 20 sources among them.

The paper does not name its 20 sources. The rule here is ours and needs the scenes' names alone: sort them by the
SHA-256 of "luma-eval/COLLECTION/SCENE"; the first are for tests, the next for validation.
"""

import hashlib
from collections.abc import Iterable, Mapping

from lumaflux.lab.data.scenes import Split

# Scenes for test, then for validation.
HELD_OUT: Mapping[str, tuple[int, int]] = {"hidrovqa": (10, 10), "chug": (10, 10), "live-tmhdr": (8, 4)}
_SEED = "luma-eval"


def split_scenes(collection: str, scenes: Iterable[str]) -> dict[str, Split]:
    """Every scene of ``collection`` in the rule's order, with its split. ``scenes`` are all that the collection has."""

    def rank(scene: str) -> str:
        return hashlib.sha256(f"{_SEED}/{collection}/{scene}".encode()).hexdigest()

    test, validation = HELD_OUT[collection]
    ordered = sorted(set(scenes), key=rank)
    return {
        scene: "test" if place < test else "validation" if place < test + validation else "train"
        for place, scene in enumerate(ordered)
    }
