"""Measures the light of an HDR file that exists, by decoding the whole of it."""

import numpy as np

from lumaflux.color import hlg, pq
from lumaflux.errors import UserError
from lumaflux.media.metadata.media_info import MediaInfo
from lumaflux.media.metadata.shot_levels import ShotLevels

_TO_PQ = {"pq": lambda signal: signal, "hlg": lambda signal: pq.inverse_eotf(hlg.eotf(signal)).astype(np.float32)}


def measure_light(info: MediaInfo) -> ShotLevels:
    """HLG is measured as a display of 1000 cd/m2 shows it. Raises UserError for a file that is not HDR."""
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
