"""Splits by scene: a place belongs to train, validation or test as a whole, under all its names."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal, cast

Split = Literal["train", "validation", "test"]


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
