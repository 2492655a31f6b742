"""HDR AVIF out and in: one AV1 picture of 10 bits, by the encoder inside of PyAV (docs/decisions/0003-media.md).

It reads them too, for Pillow gives AVIF 8 bits a channel.
"""

import io
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from lumaflux.color import hlg
from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.errors import UserError
from lumaflux.media.atomic_file import AtomicFile, cannot_write
from lumaflux.media.metadata.light_levels import LightLevels, check_frame
from lumaflux.media.video.av1_stream import Av1Encoding
from lumaflux.media.video.encoding import BT2020, BT2020_NC, HLG, LIMITED, PQ, video_frame
from lumaflux.media.video.ycbcr_planes import signal_of

_CRF = 12.0
_PRESET = "6"


def write_avif(
    path: Path,
    hdr_pq: np.ndarray,
    *,
    as_hlg: bool = False,
    overwrite: bool = False,
    sources: tuple[str | os.PathLike, ...] = (),
) -> LightLevels:
    """PQ/BT.2020 R'G'B' float32 [3,H,W] in [0,1] as one AV1 picture, 4:2:0 10 bits, tagged 9/16/9 by nclx; ``as_hlg``
    as HLG for a nominal peak of 1000 cd/m2, tagged 9/18/9.

    An odd size is continued by repeating the last column and row. Returns the light levels of the codes before their
    compression. Raises UserError for a picture that AV1 encodes not, and for a target that cannot be written.
    """
    import av
    from av.error import FFmpegError

    check_frame(hdr_pq)
    height, width = hdr_pq.shape[1:]
    if min(height, width) < Av1Encoding.smallest:
        raise UserError(f"{path}: {width}x{height} is too small for AVIF; write it as .png")
    padded = np.pad(hdr_pq, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    encoding = Av1Encoding(
        width=padded.shape[2],
        height=padded.shape[1],
        time_base=Fraction(1),
        frame_rate=Fraction(1),
        sample_aspect_ratio=Fraction(1),
        display=None,
        preset=_PRESET,
        crf=_CRF,
    )
    planes, levels = yuv420p10(hlg.from_pq(padded).astype(np.float32) if as_hlg else padded), LightLevels()
    levels.add_pq(hlg.to_pq(signal_of(planes)) if as_hlg else signal_of(planes))
    os.environ.setdefault("SVT_LOG", "1")  # errors alone: it knows no other way to be quiet
    with AtomicFile(path, overwrite=overwrite, sources=sources, exclusive=True) as file:
        try:
            with av.open(f"file:{file.partial}", "w", format="avif") as container:
                options = encoding.options()
                options["svtav1-params"] += ":avif=1"
                stream: Any = container.add_stream(encoding.codec, rate=1, options=options)
                context = stream.codec_context
                context.width, context.height, context.pix_fmt = encoding.width, encoding.height, encoding.pixel_format
                context.color_primaries, context.color_trc = BT2020, HLG if as_hlg else PQ
                context.colorspace, context.color_range = BT2020_NC, LIMITED
                for packet in [*stream.encode(video_frame(encoding, planes, 0, 1)), *stream.encode(None)]:
                    container.mux(packet)
        except (FFmpegError, OSError) as error:
            raise cannot_write(path, error) from error
    return levels


def deep_avif(data: bytes, size: tuple[int, int], where: str) -> tuple[np.ndarray, int] | None:
    """R'G'B' [H,W,3] in [0,1] of an AVIF picture of more than 8 bits, and its bits.

    None for one of 8 bits, and where the stored picture is not of ``size`` (width, height), as a grid's tiles are not.
    """
    import av
    from av.error import FFmpegError

    from lumaflux.media.metadata.coding_points import MATRIX
    from lumaflux.media.video.frame_planes import FramePlanes

    try:
        with av.open(io.BytesIO(data), "r") as container:
            if len(container.streams.video) != 1:
                return None
            frame = next(container.decode(video=0), None)
    except (FFmpegError, OSError, ValueError):
        return None
    if frame is None or (frame.width, frame.height) != size:
        return None
    bits = frame.format.components[0].bits
    if bits <= 8:
        return None
    planes = FramePlanes(MATRIX.get(int(frame.colorspace), "bt709"), int(frame.color_range) == 2, where)
    return np.ascontiguousarray(planes.rgb(frame).transpose(1, 2, 0)), bits
