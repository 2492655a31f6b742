"""AVIF of 10 and 12 bits in: decoded by PyAV, for Pillow reads AVIF with 8 bits a channel."""

import io

import numpy as np


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
