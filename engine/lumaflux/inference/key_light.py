"""The light of highlights on key frames, which a tone track keeps: between two of them in a shot it is mixed.

The network is then asked where the picture changes instead of for every frame, and any part of a clip gets the pixels
of the whole. What a frame shows of it is decided by its own clipped pixels, at full resolution.
"""

import base64
import binascii
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from typing import Annotated, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from lumaflux.inference.highlights import LARGEST_RECOVERY

_LEVELS = 255  # codes of a stored stop: a step of 0.012 stops
_LARGEST_SIDE = 1 << 14
_BEGINS, _WHOLE = 0.85, 0.95  # of the largest code of a reduced pixel: what may hold clipped ones
_CHANGE = 0.2  # of what two frames show of it
_FAINT = 1e-3  # of all pixels: less is no change


class LightKey(BaseModel):
    """``stops``: codes of 8 bits, row by row, deflated, in base 64; 255 is LARGEST_RECOVERY stops."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frame: Annotated[int, Field(ge=0)]
    rows: Annotated[int, Field(ge=1, le=_LARGEST_SIDE)]
    columns: Annotated[int, Field(ge=1, le=_LARGEST_SIDE)]
    stops: str

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _codes(self)
        return self

    @classmethod
    def of(cls, frame: int, stops: Tensor) -> Self:
        """Stops [1,1,h,w], as ``Tone.stops`` has them."""
        codes = (stops[0, 0] * (_LEVELS / LARGEST_RECOVERY)).round().clamp(0, _LEVELS).byte().cpu().numpy()
        text = base64.b64encode(zlib.compress(codes.tobytes())).decode("ascii")
        return cls(frame=frame, rows=codes.shape[0], columns=codes.shape[1], stops=text)

    def grid(self) -> Tensor:
        """Stops [1,1,h,w]."""
        return torch.from_numpy(_codes(self).astype(np.float32))[None, None] * (LARGEST_RECOVERY / _LEVELS)


def _codes(key: LightKey) -> np.ndarray:
    """Raises ValueError for what is no grid of the key's size."""
    size = key.rows * key.columns
    try:
        unpacked = zlib.decompressobj()
        content = unpacked.decompress(base64.b64decode(key.stops, validate=True), size + 1)
    except (binascii.Error, zlib.error):
        raise ValueError(f"the stops of frame {key.frame} are damaged") from None
    if len(content) != size:
        raise ValueError(f"the stops of frame {key.frame} are not {key.rows} rows of {key.columns}")
    return np.frombuffer(content, np.uint8).reshape(key.rows, key.columns)


def stops_at(keys: Sequence[LightKey], frame: int) -> Tensor | None:
    """Stops [1,1,h,w] of a frame of the keys' shot; None before the first key, which nothing tells of."""
    after = bisect_right([key.frame for key in keys], frame)
    if after == 0:
        return None
    left = keys[after - 1]
    if after == len(keys) or left.frame == frame:
        return left.grid()
    right = keys[after]
    share = (frame - left.frame) / (right.frame - left.frame)
    first, second = left.grid(), right.grid()
    return torch.lerp(first, resized(second, first), share)


def resized(stops: Tensor, like: Tensor) -> Tensor:
    """Stops [1,1,h,w] at the size of ``like``."""
    size = (like.shape[-2], like.shape[-1])
    if stops.shape[-2:] == size:
        return stops
    return F.interpolate(stops, size, mode="bilinear", align_corners=False)


def bright(reduced: Tensor) -> Tensor:
    """What of a reduced SDR frame [1,3,h,w] in [0,1] may be clipped: [1,1,h,w] from 0 to 1."""
    return ((reduced.amax(dim=1, keepdim=True) - _BEGINS) / (_WHOLE - _BEGINS)).clamp(0, 1)


def has_changed(before: Tensor | None, here: Tensor) -> bool:
    """Whether two frames of one clip, by what ``bright`` says of them, have different highlights."""
    if before is None:
        return True
    difference = float((here - before).abs().sum())
    return difference > _FAINT * here.numel() and difference > _CHANGE * float((here + before).sum())
