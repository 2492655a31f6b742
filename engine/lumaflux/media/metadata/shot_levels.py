"""Light levels of a clip and of each of its shots, in one pass; memory grows by a few numbers a shot."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lumaflux.color import hlg, pq
from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.ycbcr import from_codes, ycbcr_to_rgb
from lumaflux.errors import UserError
from lumaflux.media.metadata.guided_fit import GradePairs
from lumaflux.media.metadata.hdr10plus import DynamicLight
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.metadata.media_info import MediaInfo
from lumaflux.media.video.shots import Signature, change, find_cut, signature
from lumaflux.media.video.ycbcr_planes import BITS, signal_of

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
_AROUND = 8  # frames that a cut is judged by, on either side
_SIGNATURE_PIXELS = 1 << 14
_TO_PQ = {"pq": lambda signal: signal, "hlg": lambda signal: pq.inverse_eotf(hlg.eotf(signal)).astype(np.float32)}


@dataclass(frozen=True, kw_only=True)
class ShotLight:
    """Frames ``first`` to ``last`` of a shot, counted from 0; light in cd/m2."""

    first: int
    last: int
    max_cll: int
    max_fall: int
    percentiles: dict[float, float]
    dynamic: DynamicLight


def _stride(pixels: int) -> int:
    """Of the rows and columns that a signature is made of: 1, or an even number."""
    stride = max(1, round((pixels / _SIGNATURE_PIXELS) ** 0.5))
    return stride if stride == 1 else stride // 2 * 2


class ShotLevels(LightLevels):
    """A :class:`LightLevels` that also keeps ``shots``, which are all there after :meth:`end`.

    ``target_nits`` other than 0: each has the curve that leads a display of that peak to the SDR that its frames were
    made of, which comes with them.
    """

    def __init__(self, target_nits: int = 0) -> None:
        super().__init__()
        self._target_nits = target_nits
        self._pairs: deque[GradePairs] = deque()  # of the waiting frames
        self._grade = GradePairs()
        self.shots: list[ShotLight] = []
        self._changes: deque[float] = deque(maxlen=2 * _AROUND + 1)
        self._waiting: deque[LightLevels] = deque()  # frames whose shot is not decided yet
        self._shot, self._first = LightLevels(), 0
        self._before: Signature | None = None
        self._decided = 0  # frames given to a shot

    def add_pq(self, hdr_pq: np.ndarray) -> None:
        """As LightLevels'; frames come in the order of the clip."""
        frame = LightLevels()
        frame.add_pq(hdr_pq)
        self.add_frame(frame, hdr_pq)

    def add_frame(self, levels: LightLevels, hdr_pq: np.ndarray, sdr: np.ndarray | None = None) -> None:
        """Take in one frame whose ``levels`` are measured already; ``sdr`` [3,H,W]: what it was made of."""
        stride = _stride(hdr_pq[0].size)
        self._take(levels, hdr_pq[:, ::stride, ::stride], sdr, stride)

    def add_coded_frame(self, levels: LightLevels, planes: Sequence[np.ndarray], sdr: np.ndarray | None = None) -> None:
        """The same as 10-bit codes of 4:2:0 (``LightLevels.add_codes``)."""
        y, cb, cr = planes
        stride = _stride(y.size)
        if stride == 1:
            return self._take(levels, signal_of(planes), sdr, stride)
        chroma = (plane[:: stride // 2, :: stride // 2] for plane in (cb, cr))  # which lies on even rows and columns
        small = [np.ascontiguousarray(plane, np.float32) for plane in (y[::stride, ::stride], *chroma)]
        hdr_pq = ycbcr_to_rgb(from_codes(np.stack(small), BITS, False), BT2020_LUMA)
        return self._take(levels, hdr_pq, sdr, stride)

    def _take(self, levels: LightLevels, hdr_pq: np.ndarray, sdr: np.ndarray | None, stride: int) -> None:
        """``hdr_pq`` is every so manieth pixel of the frame, ``sdr`` all of them."""
        if self._target_nits:
            if sdr is None:
                raise ValueError("A curve to the SDR grade needs the SDR that each frame was made of.")
            small = sdr[:, ::stride, ::stride]
            pairs = GradePairs()
            _, rows, columns = small.shape  # which may be fewer than a codec's
            pairs.add(hdr_pq[:, :rows, :columns], small)
            self._pairs.append(pairs)
        self.add(levels)
        now = signature(hdr_pq.clip(0, 1))
        if self._before is not None:
            self._changes.append(change(self._before, now))
        self._before = now
        self._waiting.append(levels)
        if len(self._waiting) > _AROUND + 1:
            self._decide()

    def _decide(self) -> None:
        """Give the oldest waiting frame to the shot, and end the shot when the next frame begins another."""
        self._shot.add(self._waiting.popleft())
        if self._target_nits:
            self._grade.take(self._pairs.popleft())
        self._decided += 1
        if not self._waiting:
            return
        after = len(self._waiting) - 1  # changes that come after the one from the decided frame to the next
        index = len(self._changes) - 1 - after
        if find_cut(list(self._changes), index):
            self._close()

    def _close(self) -> None:
        shot = self._shot
        dynamic = DynamicLight.of(shot)
        if self._target_nits:
            peak = max(dynamic.peak_nits, 1e-3)  # of a black shot, whose curve has no meaning
            dynamic = replace(dynamic, mapping=self._grade.mapping(peak, self._target_nits))
        self.shots.append(
            ShotLight(
                first=self._first,
                last=self._decided - 1,
                max_cll=shot.max_cll,
                max_fall=shot.max_fall,
                percentiles={percent: shot.percentile_nits(percent) for percent in PERCENTILES},
                dynamic=dynamic,
            )
        )
        self._shot, self._first = LightLevels(), self._decided
        self._grade = GradePairs()

    def end(self) -> None:
        """The clip is over: the last frames find their shots."""
        while self._waiting:
            self._decide()
        if self._shot.frames:
            self._close()


def measure_light(info: MediaInfo) -> ShotLevels:
    """Of an HDR file that exists, the whole of which is decoded; HLG is measured as a display of 1000 cd/m2 shows it.

    Raises UserError for a file that is not HDR.
    """
    from lumaflux.media.stills.picture import read_still
    from lumaflux.media.video.reader import VideoReader

    to_pq = _TO_PQ.get(info.transfer.value)
    if to_pq is None:
        raise UserError(f"{info.path} is not HDR ({info.transfer.value}); only PQ and HLG say how bright they are")
    levels = ShotLevels()
    if info.kind == "still":
        levels.add_pq(to_pq(read_still(info.path, allow_hdr=True).sdr))
    else:
        with VideoReader(info.path, allow_hdr=True, interlaced="progressive") as reader:
            for frame in reader:
                levels.add_pq(to_pq(frame.sdr))
    levels.end()
    return levels
