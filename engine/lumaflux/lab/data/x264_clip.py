"""SDR clips as television and the web carry them: x264, BT.709 limited range, 4:2:0 and a closed GOP; or kept exactly.

One encoder thread, no dates and no AVX-512, so that the same frames give the same file: with AVX-512 the macroblock
tree of x264's build in PyAV varies from run to run (3 of 10 files of 320x180 differed), with other instructions never.
"""

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lumaflux.color.primaries import BT709_LUMA
from lumaflux.color.ycbcr import rgb_to_ycbcr, subsample_420, to_codes
from lumaflux.media.atomic_file import AtomicFile, cannot_write

if TYPE_CHECKING:
    import av

CRF = (23, 31, 39)
_BT709, _LIMITED, _FULL, _RGB = 1, 1, 2, 0  # H.273 Tables 2 to 4; AVCOL_RANGE_MPEG and _JPEG


@dataclass(frozen=True, kw_only=True)
class X264Encoding:
    """``crf`` is x264's constant rate factor, or None for lossless R'G'B' (a clip kept as it came).

    ``gop_seconds`` is the longest stretch between key frames.
    """

    crf: int | None
    frame_rate: Fraction
    preset: str = "medium"
    gop_seconds: float = 1.0

    def codec(self) -> str:
        return "libx264rgb" if self.crf is None else "libx264"

    def options(self) -> dict[str, str]:
        """For libavcodec's encoder."""
        keyframes = max(1, round(self.frame_rate * Fraction(self.gop_seconds)))
        rate = {"qp": "0"} if self.crf is None else {"crf": str(self.crf)}
        parameters = f"threads=1:open-gop=0:keyint={keyframes}{_without_avx512()}"
        return rate | {"preset": self.preset, "x264-params": parameters}


@cache
def _without_avx512() -> str:
    """x264 takes ``asm`` at its word, so AVX2 is only named to processors that have more."""
    import torch

    return ":asm=avx2" if torch.backends.cpu.get_cpu_capability() == "AVX512" else ""


def quantise_sdr(sdr: NDArray[np.floating]) -> NDArray[np.uint8]:
    """An SDR signal in [0,1] to full-range 8-bit codes; what lies outside is clipped."""
    return np.floor(sdr.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def write_x264(path: str | os.PathLike, frames: Iterable[NDArray[np.uint8]], encoding: X264Encoding) -> int:
    """Encode R'G'B' codes uint8 [3,H,W], full range, as an MP4 file that appears whole or not at all; the frame count.

    An older file of this name is replaced. Raises ValueError for no frames, for sizes that change and for an odd width
    or height (4:2:0 has none: crop to even before, references too), UserError where the file cannot be written.
    """
    import av
    from av.error import FFmpegError

    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"no frame came for {path}")
    count = 0
    with AtomicFile(path, overwrite=True) as file:
        try:
            with av.open(f"file:{file.partial}", "w", format="mp4") as container:
                stream = _add_stream(container, first.shape, encoding)
                for count, sdr in enumerate(itertools.chain([first], frames), 1):
                    if sdr.shape != first.shape:
                        raise ValueError(f"frame {count - 1} of {path} has the shape {sdr.shape}, not {first.shape}")
                    frame = _rgb_frame(sdr) if encoding.crf is None else _yuv420p_frame(sdr)
                    frame.pts, frame.time_base = count - 1, 1 / encoding.frame_rate
                    container.mux(stream.encode(frame))
                container.mux(stream.encode())
        except FFmpegError as error:
            raise cannot_write(path, error) from error
    return count


def _add_stream(container: Any, shape: tuple[int, ...], encoding: X264Encoding) -> Any:
    channels, height, width = shape
    if channels != 3:
        raise ValueError(f"a frame has the shape [3, H, W], not {shape}")
    if encoding.crf is not None and (width % 2 or height % 2):
        raise ValueError(f"{width}x{height} has an odd side, which 4:2:0 cannot carry; crop it to even")
    stream = container.add_stream(encoding.codec(), rate=encoding.frame_rate, options=encoding.options())
    context = stream.codec_context
    context.width, context.height = width, height
    context.time_base = 1 / encoding.frame_rate
    context.pix_fmt = "rgb24" if encoding.crf is None else "yuv420p"
    context.color_primaries = context.color_trc = _BT709
    context.colorspace, context.color_range = (_RGB, _FULL) if encoding.crf is None else (_BT709, _LIMITED)
    context.thread_count = 1
    return stream


def _rgb_frame(sdr: NDArray[np.uint8]) -> "av.VideoFrame":
    import av

    return av.VideoFrame.from_ndarray(np.ascontiguousarray(np.moveaxis(sdr, 0, -1)), format="rgb24")


def _yuv420p_frame(sdr: NDArray[np.uint8]) -> "av.VideoFrame":
    """Chroma sited left, as H.264 assumes where nothing is said (H.264 E.2.1)."""
    import av

    ycc = rgb_to_ycbcr(sdr.astype(np.float32) / np.float32(255), BT709_LUMA)
    chroma = subsample_420(ycc[1:], "left")
    luma = to_codes(np.stack([ycc[0]] * 3), 8, False)[0]
    small = to_codes(np.stack([chroma[0], *chroma]), 8, False)[1:]
    frame = av.VideoFrame(sdr.shape[2], sdr.shape[1], "yuv420p")
    plane: Any
    for plane, codes in zip(frame.planes, (luma, *small), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        rows[:, : plane.width] = codes.astype(np.uint8)
    return frame
