"""Rendered frames by what made them, the least recently used dropped first; bounded by bytes."""

from collections import OrderedDict
from collections.abc import Hashable

import numpy as np


class FrameCache:
    """Holds at most ``limit_bytes`` of arrays. A frame larger than that is not kept. For one thread."""

    def __init__(self, limit_bytes: int):
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self._frames: OrderedDict[Hashable, np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        return len(self._frames)

    def get(self, key: Hashable) -> np.ndarray | None:
        """The frame as it was put, not to be changed; None when it is not there."""
        frame = self._frames.get(key)
        if frame is not None:
            self._frames.move_to_end(key)
        return frame

    def put(self, key: Hashable, frame: np.ndarray) -> None:
        """Keeps a frame, which nobody may change from now on."""
        if (old := self._frames.pop(key, None)) is not None:
            self.held_bytes -= old.nbytes
        if frame.nbytes > self.limit_bytes:
            return
        self._frames[key] = frame
        self.held_bytes += frame.nbytes
        while self.held_bytes > self.limit_bytes:
            _, dropped = self._frames.popitem(last=False)
            self.held_bytes -= dropped.nbytes

    def clear(self) -> None:
        self._frames.clear()
        self.held_bytes = 0
