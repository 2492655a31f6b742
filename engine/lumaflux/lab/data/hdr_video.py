"""HDR video (PQ or HLG) in: display light frame by frame, and the mastered PQ/BT.2020 frames of it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020
from lumaflux.errors import FrameError, UserError
from lumaflux.lab.data.mastering import PEAK_NITS, shoulder
from lumaflux.media.display_light import light_in_bt2020
from lumaflux.media.metadata.coding_points import CHROMATICITIES
from lumaflux.media.metadata.info import MediaInfo
from lumaflux.media.scaling import fit_within, reduce_area
from lumaflux.media.video.frame_planes import FramePlanes
from lumaflux.media.video.probe import probe_video
from lumaflux.media.video.source import open_container, video_stream

_LEAST_BITS = 10  # BT.2100-2 Table 9


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Which frames of a video: ``count`` of them (None: to its end) from number ``start`` on, every ``stride``-th."""

    start: int = 0
    count: int | None = None
    stride: int = 1

    def __post_init__(self) -> None:
        if self.start < 0 or self.stride < 1 or (self.count is not None and self.count < 1):
            raise ValueError(f"frames are sampled from 0 on, at least one, at a stride of at least 1, not {self}")

    def takes(self, number: int) -> bool:
        return number >= self.start and (number - self.start) % self.stride == 0

    @property
    def last(self) -> int | None:
        """The number of the last frame, None for the video's own last."""
        return None if self.count is None else self.start + (self.count - 1) * self.stride


def probe_hdr(path: str | os.PathLike) -> MediaInfo:
    """Describe an HDR video. Raises UserError when it cannot be read or is not HDR: other transfer, under 10 bits."""
    info = probe_video(path)
    if not info.is_hdr:
        raise UserError(
            f"{path} is not HDR: its transfer is {info.transfer.value} ({info.transfer.source}); HDR sources are "
            "tagged PQ or HLG."
        )
    if info.bit_depth < _LEAST_BITS:
        raise UserError(f"{path} has {info.bit_depth} bits; HDR sources have at least {_LEAST_BITS}.")
    if info.primaries.value not in CHROMATICITIES:
        raise UserError(f"{path} has {info.primaries.value} primaries, which are not read; convert it to BT.2020.")
    return info


def display_light(path: str | os.PathLike, sampling: Sampling = Sampling()) -> Iterator[NDArray[np.float32]]:
    """Frames as a display shows them: cd/m2, linear BT.2020 [3,H,W], upright. HLG on 1000 nit, system gamma 1.2.

    Untagged primaries count as BT.2020. Raises UserError as :func:`probe_hdr`, and when the video ends before the last
    frame asked for; FrameError for a frame that cannot be decoded.
    """
    from av.error import FFmpegError

    info = probe_hdr(path)
    primaries = CHROMATICITIES[info.primaries.value] if info.primaries.source == "tagged" else BT2020
    planes = FramePlanes(info.matrix.value, info.range.value == "full", str(path))
    number = -1
    with open_container(path) as container:
        stream = video_stream(container, path)
        stream.thread_type = "AUTO"
        try:
            for number, frame in enumerate(container.decode(stream)):
                if not sampling.takes(number):
                    continue
                signal = info.orientation.apply(planes.rgb(frame))
                yield light_in_bt2020(signal, info.transfer.value, primaries).clip(0, None).astype(np.float32)
                if number == sampling.last:
                    return
        except FFmpegError as error:
            raise FrameError(
                f"{path} cannot be decoded after frame {number} ({error.strerror}); it is damaged there."
            ) from error
    if sampling.last is not None or number < sampling.start:
        raise UserError(f"{path} has {number + 1} frames, of which number {sampling.last or sampling.start} is wanted.")


def master_display_light(nits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Display light [3,H,W] in cd/m2 -> PQ of the master: as it is up to 600 nit, the shoulder to 1000 above."""
    return np.asarray(pq.inverse_eotf(shoulder(nits.clip(0.0, pq.PQ_PEAK_NITS)).clip(0.0, PEAK_NITS)), np.float32)


def masters(
    path: str | os.PathLike, sampling: Sampling = Sampling(), within: tuple[int, int] | None = None
) -> Iterator[NDArray[np.float32]]:
    """Mastered frames, PQ/BT.2020 [3,H,W] with even sides, reduced to fit the box ``within`` (width, height).

    Raises as :func:`display_light`.
    """
    for nits in display_light(path, sampling):
        width, height = fit_within(nits.shape[2], nits.shape[1], within)
        if within is None:
            yield master_display_light(nits[:, :height, :width])
        else:
            yield master_display_light(reduce_area(nits, width, height))
