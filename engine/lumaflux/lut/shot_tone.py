"""The global tone of a shot as a function of the code alone, and how far a conversion lies from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from lumaflux.color import ictcp, pq
from lumaflux.errors import UserError
from lumaflux.inference.look import apply_look
from lumaflux.inference.tone import Tone, toned
from lumaflux.lut.gain_grid import ShotGrid, with_grid
from lumaflux.settings import Settings

if TYPE_CHECKING:
    from lumaflux.inference.converter import Converter
    from lumaflux.inference.tone_track import Shot, ToneTrack
    from lumaflux.render.source import Source

SIDE = 65  # nodes a side of a cube
_FRAMES = 3  # of a shot, that are measured


@torch.inference_mode()
def global_tone(
    codes: NDArray[np.float32], converter: "Converter", tone: Tone, settings: Settings
) -> NDArray[np.float32]:
    """BT.709/BT.1886 R'G'B' [3,H,W] in [0,1] -> PQ/BT.2020 [3,H,W] by the shot's placement and the look: the rendering
    without the light that is generated where the source is clipped, and without debanding.

    Raises UserError for a tone without a placement: that of a model whose light is not a function of the code.
    """
    if tone.placement is None:
        raise UserError("the tone of this model depends on the picture, not on the code alone; use the model lite")
    network = converter.backend.network
    sdr = torch.as_tensor(codes, device=converter.backend.device)[None]
    placed = network.to_pq(network.start(sdr, toned(tone, settings.auto_tone).placement))
    return apply_look(placed, sdr, settings)[0].cpu().numpy()


def cube_of(converter: "Converter", tone: Tone, settings: Settings, side: int = SIDE) -> NDArray[np.float32]:
    """[side,side,side,3] by blue, green and red: the result at the nodes of a cube of codes."""
    nodes = np.linspace(0, 1, side, dtype=np.float32)
    blue, green, red = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    codes = np.stack([red, green, blue]).reshape(3, side, side * side)
    made = global_tone(np.ascontiguousarray(codes), converter, tone, settings)
    return np.ascontiguousarray(made.reshape(3, side, side, side).transpose(1, 2, 3, 0))


def look_up(cube: NDArray[np.float32], codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """[3,H,W] in [0,1] through a cube by trilinear interpolation, as players do."""
    side = cube.shape[0]
    place = codes.clip(0, 1) * (side - 1)
    low = np.minimum(place.astype(np.int64), side - 2)
    share = (place - low).astype(np.float32)
    found = np.zeros((*codes.shape[1:], 3), np.float32)
    for corner in range(8):
        bits = [(corner >> axis) & 1 for axis in range(3)]
        red, green, blue = (low[axis] + bits[axis] for axis in range(3))
        weights = [share[axis] if bits[axis] else 1 - share[axis] for axis in range(3)]
        found += (weights[0] * weights[1] * weights[2])[..., None] * cube[blue, green, red]
    return np.ascontiguousarray(found.transpose(2, 0, 1))


def shot_number(track: "ToneTrack", number: int) -> "Shot":
    """Shots count from 1. Raises UserError for one that is not there."""
    if not 1 <= number <= len(track.shots):
        count = len(track.shots)
        raise UserError(f"there is no shot {number}; the clip has {count} shot{'' if count == 1 else 's'}, from 1 on")
    return track.shots[number - 1]


@dataclass(frozen=True, kw_only=True)
class ClipShot:
    """A shot of a clip, and what converts it."""

    source: "Source"
    track: "ToneTrack"
    shot: "Shot"
    converter: "Converter"
    settings: Settings

    def look(self, number: int) -> tuple[Settings, Tone]:
        """What the clip's frame of that number is rendered with."""
        return self.track.settings_at(number, self.settings), self.track.tone_at(number)

    def frames(self, count: int = _FRAMES) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Number and SDR [3,H,W] of frames that are spread over the shot, its ends and its middle among them. Raises
        UserError for frames that cannot be read."""
        source, shot = self.source, self.shot
        numbers = sorted({round(place) for place in np.linspace(shot.first, shot.last, count)})
        wanted = [source.numbers[number] for number in numbers] if source.pattern is not None else numbers
        for number, frame in zip(numbers, source.read(wanted), strict=True):
            yield number, frame.sdr


@dataclass(frozen=True, kw_only=True)
class LutError:
    """Delta-E-ITP of the table against the conversion, over all pixels of the frames. ``frames`` has the mean of each
    by its number; ``clipped`` is the mean where the source is clipped (codes of 250 to 255), None where it is not.
    ``peak`` is the light of both in cd/m2 at the 99.9th percentile: the table's, and the conversion's."""

    frames: dict[int, float]
    mean: float
    percentile_95: float
    clipped: float | None
    peak: tuple[float, float]


def lut_error(
    cube: NDArray[np.float32], shot: ClipShot, grids: Sequence[ShotGrid | None] = (None,), frames: int = _FRAMES
) -> list[LutError]:
    """At ``frames`` frames spread over the shot, of the table with each of ``grids``. Raises UserError for frames that
    cannot be read."""
    found, numbers = [_Differences() for _ in grids], []
    for number, sdr in shot.frames(frames):
        numbers.append(number)
        real = shot.converter.render(sdr, *shot.look(number))
        shown = look_up(cube, sdr)
        for grid, kept in zip(grids, found, strict=True):
            kept.add(shown if grid is None else with_grid(shown, sdr, grid), real, sdr, shot.shot)
    return [kept.error(numbers) for kept in found]


class _Differences:
    """Of several frames, without black bars."""

    def __init__(self) -> None:
        self._all: list[NDArray[np.float32]] = []
        self._clipped: list[NDArray[np.float32]] = []
        self._lights: list[tuple[float, float]] = []

    def add(
        self, shown: NDArray[np.float32], real: NDArray[np.float32], codes: NDArray[np.float32], shot: "Shot"
    ) -> None:
        nits = [np.asarray(pq.eotf(each), np.float32) for each in (shown, real)]
        difference = np.asarray(ictcp.delta_e_itp(*nits), np.float32)
        inside = _inside_bars(difference, shot)
        self._all.append(difference[inside].ravel())
        self._clipped.append(difference[inside][codes.max(axis=0)[inside] >= 250 / 255])
        first, second = (float(np.percentile(each.max(axis=0)[inside], 99.9)) for each in nits)
        self._lights.append((first, second))

    def error(self, numbers: list[int]) -> LutError:
        every, where = np.concatenate(self._all), np.concatenate(self._clipped)
        first, second = zip(*self._lights, strict=True)
        return LutError(
            frames={n: float(each.mean()) for n, each in zip(numbers, self._all, strict=True)},
            mean=float(every.mean()),
            percentile_95=float(np.percentile(every, 95)),
            clipped=float(where.mean()) if where.size else None,
            peak=(max(first), max(second)),
        )


def _inside_bars(picture: NDArray[np.float32], shot: "Shot") -> tuple[slice, slice]:
    height, width = picture.shape
    area = shot.area
    rows = slice(round(area.top * height), max(round(area.bottom * height), round(area.top * height) + 1))
    return rows, slice(round(area.left * width), max(round(area.right * width), round(area.left * width) + 1))
