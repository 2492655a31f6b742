"""MaxCLL and MaxFALL measured frame by frame (CTA-861.3 Annex P), and the distribution of light behind them."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA
from lumaflux.color.ycbcr import code_scales
from lumaflux.media.metadata.mastering import ContentLight
from lumaflux.media.video.ycbcr_planes import BITS, signal_of
from lumaflux.threads import THREADS

try:
    import lumaflux_native
except ImportError:
    lumaflux_native = None  # installed without a compiler: slower, nothing else

_BINS = 1 << 14  # of the PQ signal: sixteen to a 10-bit code
_NOT_FINITE = "The frame holds values that are not finite."


class LightLevels:
    """Accumulates max(R,G,B) of every pixel of every frame; its memory does not grow with the clip.

    The frame average is taken over the whole picture as coded, black bars included.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.max_cll_nits = 0.0
        self.max_fall_nits = 0.0
        self.max_scl_nits = np.zeros(3)  # the largest R, G and B
        self._sum_of_means = 0.0
        self.histogram = np.zeros(_BINS, dtype=np.int64)

    def add_pq(self, hdr_pq: np.ndarray) -> None:
        """Take in one frame of PQ R'G'B' [3,H,W]; values outside [0,1] count as the nearest end.

        Raises ValueError for another shape or for values that are not finite.
        """
        check_shape(hdr_pq)
        measured = light_of_frame(hdr_pq)
        if measured is None:
            raise ValueError(_NOT_FINITE)
        histogram, largest_pq, mean_nits = measured
        self._add(histogram, pq.eotf(np.array(largest_pq, dtype=np.float64)), mean_nits)

    def add_bands(self, bands: Iterable[np.ndarray]) -> None:
        """:meth:`add_pq` of one frame that comes in bands of rows [3,h,W]."""
        histogram, largest, total, pixels = np.zeros(_BINS, dtype=np.int64), np.zeros(3), 0.0, 0
        for band in bands:
            check_shape(band)
            measured = light_of_frame(band)
            if measured is None:
                raise ValueError(_NOT_FINITE)
            histogram += measured[0]
            largest = np.maximum(largest, measured[1])
            total += measured[2] * band[0].size
            pixels += band[0].size
        self._add(histogram, pq.eotf(largest), total / pixels)

    def add_codes(self, planes: Sequence[np.ndarray]) -> None:
        """Take in one frame as a display makes it of 10-bit codes Y', Cb, Cr of 4:2:0, narrow range, PQ/BT.2020."""
        histogram, largest_pq, mean_nits = light_of_codes(planes)
        self._add(histogram, pq.eotf(np.array(largest_pq, dtype=np.float64)), mean_nits)

    def add_nits(self, hdr_nits: np.ndarray) -> None:
        """Take in one frame of light R,G,B [3,H,W] in cd/m2; raises ValueError as :meth:`add_pq` does."""
        check_frame(hdr_nits)
        nits = hdr_nits.max(axis=0).clip(0, pq.PQ_PEAK_NITS)
        largest = hdr_nits.max(axis=(1, 2)).astype(np.float64).clip(0, pq.PQ_PEAK_NITS)
        self._add(_counted(pq.inverse_eotf(nits)), largest, float(nits.mean(dtype=np.float64)))

    def add(self, other: "LightLevels") -> None:
        """Take in what another one has measured."""
        self.frames += other.frames
        self.max_cll_nits = max(self.max_cll_nits, other.max_cll_nits)
        self.max_fall_nits = max(self.max_fall_nits, other.max_fall_nits)
        self.max_scl_nits = np.maximum(self.max_scl_nits, other.max_scl_nits)
        self._sum_of_means += other._sum_of_means
        self.histogram += other.histogram

    def _add(self, histogram: np.ndarray, largest_nits: np.ndarray, mean_nits: float) -> None:
        self.frames += 1
        self.max_cll_nits = max(self.max_cll_nits, float(largest_nits.max()))
        self.max_fall_nits = max(self.max_fall_nits, mean_nits)
        self._sum_of_means += mean_nits
        self.max_scl_nits = np.maximum(self.max_scl_nits, largest_nits)
        self.histogram += histogram

    @property
    def mean_nits(self) -> float:
        """Mean of max(R,G,B) over all frames; raises ValueError before the first."""
        if not self.frames:
            raise ValueError("No frame has been added yet.")
        return self._sum_of_means / self.frames

    @property
    def max_cll(self) -> int:
        """The brightest pixel's max(R,G,B) in whole cd/m2."""
        return _whole(self.max_cll_nits)

    @property
    def max_fall(self) -> int:
        """The brightest frame's average of max(R,G,B) in whole cd/m2."""
        return _whole(self.max_fall_nits)

    @property
    def content_light(self) -> ContentLight:
        """Both, as files carry them."""
        return ContentLight(max_cll=self.max_cll, max_fall=self.max_fall)

    def percentile_nits(self, percent: float) -> float:
        """The light below which ``percent`` of all pixels lie, to a sixteenth of a 10-bit PQ code.

        Raises ValueError outside 0 to 100 and before the first frame.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"A percentile lies in 0 to 100, not at {percent}.")
        if not self.frames:
            raise ValueError("No frame has been added yet.")
        counts = np.cumsum(self.histogram)
        index = int(np.searchsorted(counts, max(1, math.ceil(counts[-1] * percent / 100))))
        return float(pq.eotf(np.array([index / (_BINS - 1)]))[0])

    def percent_up_to(self, nits: float) -> float:
        """How many of a hundred pixels have at most so much light, to a sixteenth of a 10-bit PQ code.

        Raises ValueError before the first frame.
        """
        if not self.frames:
            raise ValueError("No frame has been added yet.")
        last = int(_bins_of(pq.inverse_eotf(np.array([nits])))[0])
        return 100.0 * float(self.histogram[: last + 1].sum()) / float(self.histogram.sum())


def light_of_frame(hdr_pq: np.ndarray) -> tuple[np.ndarray, Sequence[float], float] | None:
    """PQ R'G'B' [3,H,W] -> the histogram of max(R',G',B'), the largest R', G' and B', and the mean of max(R,G,B) in
    cd/m2, all of values clipped to [0,1]; None for a frame that is not finite."""
    if lumaflux_native is None:
        return light_of_frame_reference(hdr_pq)
    return lumaflux_native.light_of_frame(hdr_pq, _BINS, THREADS)


def light_of_codes(planes: Sequence[np.ndarray]) -> tuple[np.ndarray, Sequence[float], float]:
    """:func:`light_of_frame` of uint16 codes Y' [H,W], Cb and Cr [ceil(H/2),ceil(W/2)], co-sited top-left."""
    if lumaflux_native is None or not hasattr(lumaflux_native, "light_of_codes"):
        measured = light_of_frame(signal_of(planes))
        assert measured is not None
        return measured
    return lumaflux_native.light_of_codes(*planes, code_scales(BITS, False), BT2020_LUMA, False, _BINS, THREADS)


def light_of_frame_reference(hdr_pq: np.ndarray) -> tuple[np.ndarray, Sequence[float], float] | None:
    """:func:`light_of_frame` in NumPy."""
    if not np.isfinite(hdr_pq).all():
        return None
    signal = hdr_pq.max(axis=0).clip(0, 1)
    largest = hdr_pq.max(axis=(1, 2)).clip(0, 1).tolist()
    return _counted(signal), largest, float(pq.eotf(signal).mean(dtype=np.float64))


def _counted(signal: np.ndarray) -> np.ndarray:
    return np.bincount(_bins_of(signal).ravel(), minlength=_BINS)


def _bins_of(signal: np.ndarray) -> np.ndarray:
    return (signal * (_BINS - 1) + 0.5).astype(np.uint16)


def check_shape(frame: np.ndarray) -> None:
    """Raise ValueError unless ``frame`` has the shape [3,H,W]."""
    if frame.ndim != 3 or frame.shape[0] != 3 or not frame.size:
        raise ValueError(f"A frame has the shape [3, H, W], not {frame.shape}.")


def check_frame(frame: np.ndarray) -> None:
    """Raise ValueError unless ``frame`` has the shape [3,H,W] and finite values only."""
    check_shape(frame)
    if not np.isfinite(frame).all():
        raise ValueError(_NOT_FINITE)


def _whole(nits: float) -> int:
    """Rounded up, for the field is an upper bound (H.265 D.3.35); at least 1, for 0 means unknown there."""
    return max(1, math.ceil(round(nits, 3)))
