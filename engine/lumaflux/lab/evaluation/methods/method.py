"""The interface of a method, and the frames that it is given."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from lumaflux.errors import UserError
from lumaflux.lab.evaluation.pairs import read_pq
from lumaflux.lab.evaluation.sets.manifest import Clip


@dataclass(frozen=True, kw_only=True)
class Frame:
    """``sdr``: the BT.1886/BT.709 signal [3,H,W] float32 that a method reads; ``coded``: the signal as its file has it.

    They differ for sRGB pictures only, which are read as `lumaflux convert` reads them.
    """

    number: int
    sdr: np.ndarray
    coded: np.ndarray
    reference: Path

    @cached_property
    def reference_pq(self) -> Tensor:
        """[1,3,H,W]; raises UserError as ``read_pq`` does."""
        return read_pq(self.reference)


class Method(Protocol):
    """``told``: the rendering whose own inverse this is, left out of fair averages; None for all others."""

    @property
    def name(self) -> str: ...

    @property
    def told(self) -> str | None: ...

    def describe(self) -> dict[str, Any]:
        """Everything that its predictions depend on; equal descriptions mean equal predictions."""
        ...

    def predictions(self, clip: Clip, frames: Iterable[Frame]) -> Iterator[np.ndarray]:
        """PQ/BT.2020 [3,H,W] float32, one a frame, in order.

        A call of ``next`` may raise UserError or ValueError for its frame; the next call goes on with the next frame.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ClipFrames:
    """Decodes the frames ``numbers`` (rising) of a clip, one at a time.

    Iterating raises UserError where the clip cannot be decoded or ends too early.
    """

    folder: Path
    clip: Clip
    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Frame]:
        path = self.folder / self.clip.sdr
        count = 0
        for sdr, coded in self._pictures(path):
            if count in self.numbers:
                reference = self.folder / self.clip.references[count]
                yield Frame(number=count, sdr=sdr, coded=coded, reference=reference)
            count += 1
            if count >= self.numbers.stop:
                return
        raise UserError(f"{path} ends after {count} frames; the set names {len(self.clip.references)}")

    def _pictures(self, path: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        from lumaflux.media.stills.picture import is_still, read_still
        from lumaflux.media.video.reader import VideoReader

        if is_still(path):
            from lumaflux.color.srgb import srgb_to_bt1886

            still = read_still(path)
            yield (srgb_to_bt1886(still.sdr) if still.transfer == "srgb" else still.sdr), still.sdr
            return
        with VideoReader(path) as reader:
            for frame in reader:
                yield frame.sdr, frame.sdr
