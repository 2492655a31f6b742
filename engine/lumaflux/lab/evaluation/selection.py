"""Which part of a set is run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lumaflux.errors import UserError

if TYPE_CHECKING:
    from lumaflux.lab.evaluation.sets.manifest import Clip, Manifest


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Empty means all; ``frames_per_clip`` takes the first frames of every clip. Raises UserError for less than one."""

    scenes: tuple[str, ...] = ()
    renderings: tuple[str, ...] = ()
    crf: tuple[int, ...] = ()
    splits: tuple[str, ...] = ()
    frames_per_clip: int | None = None

    def __post_init__(self) -> None:
        if self.frames_per_clip is not None and self.frames_per_clip < 1:
            raise UserError(f"{self.frames_per_clip} frames per clip are none; take 1 or more")

    def clips(self, manifest: "Manifest") -> "list[Clip]":
        """Raises UserError for a name that the set does not have, or when nothing is left."""
        chosen = {"scene": self.scenes, "rendering": self.renderings, "crf": self.crf, "split": self.splits}
        for what, names in chosen.items():
            known = {getattr(clip, what) for clip in manifest.clips}
            if strange := [str(name) for name in names if name not in known]:
                raise UserError(f"the set {manifest.name} has no {what} {', '.join(strange)}; it has {listed(known)}")
        clips = [
            clip
            for clip in manifest.clips
            if all(not names or getattr(clip, what) in names for what, names in chosen.items())
        ]
        if not clips:
            raise UserError(f"no clip of the set {manifest.name} is in this selection; choose less narrowly")
        return clips

    def frames(self, clip: "Clip") -> int:
        whole = len(clip.references)
        return whole if self.frames_per_clip is None else min(whole, self.frames_per_clip)


def listed(names: Iterable[object]) -> str:
    """In order, the first ten, and how many more."""
    ordered = sorted(map(str, names))
    return ", ".join(ordered[:10]) + (f" and {len(ordered) - 10} more" if len(ordered) > 10 else "")
