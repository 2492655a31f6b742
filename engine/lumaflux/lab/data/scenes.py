"""Splits by scene: a place belongs to train, validation or test as a whole, under all its names.

Of the large collections a rule holds scenes out, Luma-Eval's 20 sources among them, which the paper does not name. The
rule is ours and needs the scenes' names alone: sort them by the SHA-256 of "luma-eval/COLLECTION/SCENE"; the first are
for tests, the next for validation.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal, cast

Split = Literal["train", "validation", "test"]
# Scenes for test, then for validation.
HELD_OUT: Mapping[str, tuple[int, int]] = {"hidrovqa": (10, 10), "chug": (10, 10), "live-tmhdr": (8, 4)}
_SEED = "luma-eval"


@dataclass(frozen=True, kw_only=True)
class SceneTable:
    """``split_of`` names the held-out scenes, ``aliases`` maps a picture's name to its scene."""

    split_of: Mapping[str, Split]
    aliases: Mapping[str, str]
    never: frozenset[str]

    def scene(self, picture: str) -> str:
        """The scene of a picture named ``collection/stem`` or ``stem``."""
        stem = picture.rsplit("/", 1)[-1].removesuffix("_1k")
        return self.aliases.get(picture, self.aliases.get(stem, stem))

    def split(self, scene: str) -> Split:
        return self.split_of.get(scene, "train")


@lru_cache(maxsize=1)
def scene_table() -> SceneTable:
    """The committed table (engine/lumaflux/lab/data/scenes.yaml). Raises ValueError when a scene is in two splits."""
    import yaml

    content = yaml.safe_load(files("lumaflux.lab.data").joinpath("scenes.yaml").read_text())
    split_of: dict[str, Split] = {}
    for split, scenes in content["splits"].items():
        for scene in scenes:
            if scene in split_of:
                raise ValueError(f"scenes.yaml puts the scene '{scene}' into {split_of[scene]} and {split}")
            split_of[scene] = cast(Split, split)
    if hidden := sorted(set(content["aliases"]) & set(split_of)):
        raise ValueError(f"scenes.yaml splits {hidden} under an alias; name the scene instead")
    return SceneTable(split_of=split_of, aliases=content["aliases"], never=frozenset(content["never"]))


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
