"""``--matte``: the shares of each pixel that are measured, extended and invented, written beside the result."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lumaflux.errors import UserError
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.options import MATTE_CHANNELS

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np

    from lumaflux.media.video.rgb_clip import RgbClip

PICTURES = (".png", ".exr")
CLIP = ".mkv"


class MatteSink(Protocol):
    """Takes shares [3,H,W] in [0,1] of a frame whose matte would be the picture ``number``, or show at ``pts``."""

    def write(self, shares: "np.ndarray", number: int, pts: int) -> None: ...

    def holds(self, number: int) -> bool: ...


class Pictures:
    """A numbered sequence of mattes, or one picture for the one frame that there is."""

    def __init__(self, path: Path, *, overwrite: bool):
        self._path, self._overwrite = path, overwrite
        self._pattern = SequencePath.parse(path)

    def write(self, shares: "np.ndarray", number: int, pts: int = 0) -> None:
        from lumaflux.media.stills.matte_picture import write_matte

        file = self._path if self._pattern is None else self._pattern.file(number)
        write_matte(file, shares, overwrite=self._overwrite)

    def holds(self, number: int) -> bool:
        return (self._path if self._pattern is None else self._pattern.file(number)).is_file()


class Clip:
    """A clip of mattes, which is made anew by every run."""

    def __init__(self, clip: "RgbClip"):
        self._clip = clip

    def write(self, shares: "np.ndarray", number: int, pts: int) -> None:
        self._clip.write(shares, pts)

    def holds(self, number: int) -> bool:
        return False


class Sums:
    """Mean shares over all pixels of all frames."""

    def __init__(self) -> None:
        self._sums, self._frames = [0.0, 0.0, 0.0], 0

    def add(self, shares: "np.ndarray") -> None:
        means = shares.mean(axis=(1, 2), dtype="float64").tolist()
        self._sums = [before + mean for before, mean in zip(self._sums, means, strict=True)]
        self._frames += 1

    @property
    def shares(self) -> dict[str, float]:
        """By name; empty before the first frame."""
        from lumaflux.inference.confidence import NAMES

        return {name: value / self._frames for name, value in zip(NAMES, self._sums, strict=True) if self._frames}


def in_the_picture(matte: Path | None) -> bool:
    """Whether the shares go into the result's own EXR channels."""
    return matte is not None and str(matte) == MATTE_CHANNELS


def check_matte(matte: Path | None, target: Path, delivery: str, *, overwrite: bool) -> None:
    """Raises UserError where the matte cannot be written in the form that its name asks for, before any work."""
    from lumaflux.media.output_profiles import OUTPUT_PROFILES

    if matte is None:
        return
    if in_the_picture(matte):
        if delivery not in ("exr", "exr-acescg"):
            raise UserError(
                f"{delivery} has no channels for a matte; write the result as exr or exr-acescg, or name a file: "
                "--matte matte.png"
            )
        return
    if matte.resolve() == target.resolve():
        raise UserError(f"{matte} is the result itself; choose another name for the matte")
    suffix, numbered = matte.suffix.lower(), SequencePath.parse(matte) is not None
    if OUTPUT_PROFILES[delivery].picture is None:
        fits = suffix == CLIP or (numbered and suffix in PICTURES)
        wanted = f"matte{CLIP} (FFV1), or pictures as in matte.%04d.png"
    elif SequencePath.parse(target) is not None:
        fits, wanted = numbered and suffix in PICTURES, "pictures as in matte.%04d.png"
    else:
        fits, wanted = not numbered and suffix in PICTURES, "a .png or an .exr"
    if not fits:
        raise UserError(f"{matte} cannot hold this matte; name {wanted}")
    if not numbered and matte.exists() and not overwrite:
        raise UserError(f"{matte} exists already; remove it, or allow overwriting (-y).")


@contextmanager
def matte_sink(
    matte: Path | None, size: tuple[int, int], *, time_base: "Fraction | None", overwrite: bool
) -> Iterator[MatteSink | None]:
    """Where shares go, opened; None where no file of their own is asked for. A clip's is there when the block ends.

    ``time_base``: a video's. Raises UserError for a file that cannot be made.
    """
    if matte is None or in_the_picture(matte):
        yield None
        return
    if time_base is not None and matte.suffix.lower() == CLIP:
        from lumaflux.media.video.rgb_clip import RgbClip

        with RgbClip(matte, size, time_base, overwrite=overwrite) as clip:
            yield Clip(clip)
        return
    if SequencePath.parse(matte) is not None:
        matte.parent.mkdir(parents=True, exist_ok=True)
    yield Pictures(matte, overwrite=overwrite)
