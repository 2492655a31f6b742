"""How a stored picture is turned to be seen upright: container display matrices and EXIF orientations."""

import math
import struct
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Orientation:
    """Transpose first (rows become columns), then mirror left-right and top-bottom."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @property
    def degrees(self) -> int:
        """The clockwise turn: 0, 90, 180 or 270 (a mirrored picture: the turn that comes before its mirroring)."""
        if self.transpose:
            return 90 if self.mirror_x else 270
        return 180 if self.mirror_y else 0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The upright picture of ``image`` [..., H, W]; a contiguous array of the same dtype."""
        if self.transpose:
            image = np.swapaxes(image, -1, -2)
        if self.mirror_x:
            image = image[..., ::-1]
        if self.mirror_y:
            image = image[..., ::-1, :]
        return np.ascontiguousarray(image)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return (height, width) if self.transpose else (width, height)


UPRIGHT = Orientation()

_EXIF = {  # Exif 2.32, 4.6.4 A, tag 274
    1: UPRIGHT,
    2: Orientation(mirror_x=True),
    3: Orientation(mirror_x=True, mirror_y=True),
    4: Orientation(mirror_y=True),
    5: Orientation(transpose=True),
    6: Orientation(transpose=True, mirror_x=True),
    7: Orientation(transpose=True, mirror_x=True, mirror_y=True),
    8: Orientation(transpose=True, mirror_y=True),
}


def from_exif(value: int) -> Orientation:
    """Of the EXIF tag's value 1 to 8; any other counts as upright."""
    return _EXIF.get(value, UPRIGHT)


def from_display_matrix(payload: bytes) -> Orientation:
    """Of a track matrix {a,b,u,c,d,v,x,y,w} (ISO/IEC 14496-12 8.3.2): x' = ax + cy, y' = bx + dy.

    Turns by other than quarter circles count as the nearest quarter.
    """
    a, b, _, c, d = struct.unpack_from("=5i", payload)
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transpose=True, mirror_x=c < 0, mirror_y=b < 0)
    return Orientation(mirror_x=a < 0, mirror_y=d < 0)


def odd_degrees(frame) -> int:
    """How far from quarter circles an ``av.VideoFrame``'s display matrix turns it, 0 to 45 degrees; 0 without."""
    for item in frame.side_data:
        if item.type.name == "DISPLAYMATRIX":
            a, b = struct.unpack_from("=2i", bytes(item))
            beyond = round(math.degrees(math.atan2(b, a))) % 90
            return min(beyond, 90 - beyond)
    return 0


def of_frame(frame) -> Orientation:
    """Of an ``av.VideoFrame`` with or without a display matrix."""
    for item in frame.side_data:
        if item.type.name == "DISPLAYMATRIX":
            return from_display_matrix(bytes(item))
    return UPRIGHT
