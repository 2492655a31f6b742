"""Whether a video shows the pictures that its writer was given: luma of some frames, decoded again and compared."""

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lumaflux.color import hlg
from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.errors import UserError

if TYPE_CHECKING:
    from lumaflux.color.yuv420p10 import Planes

ALLOWED_BELOW = 3.0  # dB that a frame may lie below the worst of those measured, for frames differ in what they hold
SAME = 0.5  # dB that a measured frame may lie below what was measured of it, for decoders differ in their last bits
_PIXELS = 1 << 16  # of a frame, at most

Luma = np.ndarray  # uint16 [h,w]: PQ luma, 65535 is 1


def luma_of(made: "np.ndarray | Planes") -> Luma:
    """Every so manieth pixel of a frame: PQ BT.2020 [3,H,W] in [0,1], or its ten-bit codes."""
    if isinstance(made, tuple):
        luma = (_sampled(made[0]).astype(np.float32) - 64) / 876  # narrow range, BT.2100-2 Table 9
    else:
        luma = sum(weight * _sampled(plane) for weight, plane in zip(BT2020_LUMA, made, strict=True))
    return np.rint(np.clip(luma, 0, 1) * 65535).astype(np.uint16)


def _sampled(plane: np.ndarray) -> np.ndarray:
    height, width = (side + side % 2 for side in plane.shape)  # as codecs continue odd sides
    stride = math.ceil(math.sqrt(height * width / _PIXELS))
    return plane[::stride, ::stride]


class Sampled:
    """Luma of the frames 0, 1, 2, 4, 8 ... of a video as they are written, to be compared with the finished file."""

    def __init__(self, delivery: str) -> None:
        from lumaflux.media.output_profiles import HLG_VIDEOS, PQ_VIDEOS

        self._comparable = delivery in PQ_VIDEOS + HLG_VIDEOS
        self._frames, self._luma = 0, dict[int, Luma]()

    def add(self, made: "np.ndarray | Planes") -> None:
        """The next frame that is written."""
        if self._comparable and self._frames & (self._frames - 1) == 0:
            self._luma[self._frames] = luma_of(made)
        self._frames += 1

    def compared(self, path: Path) -> dict[int, float]:
        """By the frame's place in the finished file, PSNR of luma in dB (peak: 1 of PQ). None are compared of a video
        that is not HDR. Raises UserError where the file lacks one."""
        return compared(path, self._luma)


def compared(path: Path, luma: Mapping[int, Luma]) -> dict[int, float]:
    """PSNR in dB of the frames of ``path`` at these places against luma as :func:`luma_of` gives it; at most 120.

    Raises UserError for a file that lacks one of them, or whose frames have another size.
    """
    if not luma:
        return {}
    found = _decoded(path, luma)
    if missing := sorted(set(luma) - set(found)):
        raise UserError(
            f"{path} has no frame {missing[0]}, which it was written with; it is another file, or cut short"
        )
    return {place: _psnr(found[place], luma[place], path) for place in sorted(luma)}


def _decoded(path: Path, places: Collection[int]) -> dict[int, Luma]:
    from lumaflux.media.metadata.info import probe
    from lumaflux.media.video.reader import VideoReader

    is_hlg = probe(path).transfer.value == "hlg"
    with VideoReader(path, allow_hdr=True) as reader:
        frames = reader.frames(lambda number: number in places)
        found = {frame.number: luma_of(hlg.to_pq(frame.sdr) if is_hlg else frame.sdr) for frame in frames}
        reader.check_whole()
    return found


def _psnr(one: Luma, other: Luma, path: Path) -> float:
    """Of a decoded frame against the one that was written."""
    (rows, columns), (height, width) = one.shape, other.shape
    if not (0 <= rows - height <= 1 and 0 <= columns - width <= 1):
        raise UserError(f"{path} has frames of another size than those that it was written with; it is another file")
    error = (one[:height, :width].astype(np.float64) - other) / 65535
    return round(min(120.0, -10 * math.log10(max(float((error**2).mean()), 1e-12))), 2)


def too_far(found: Mapping[int, float], recorded: Mapping[int, float]) -> dict[int, float]:
    """Those of the frames ``found`` that lie further below what was ``recorded`` than is allowed: what they had to
    have, in dB."""
    worst = min(recorded.values()) - ALLOWED_BELOW
    least = {place: recorded[place] - SAME if place in recorded else worst for place in found}
    return {place: round(least[place], 2) for place in found if found[place] < least[place]}
