"""A gain-map photograph as a pair of the corpus: its SDR picture and the master of its HDR one."""

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import srgb
from lumaflux.lab.data.hdr_video import master_display_light
from lumaflux.media.gainmap.photograph import GainMapPhotograph
from lumaflux.media.scaling import fit_within, reduce_area


def pair_of(
    photograph: GainMapPhotograph, within: tuple[int, int] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """sRGB signal in BT.709 and PQ/BT.2020 of the master, each [3,H,W], reduced to fit a box (width, height)."""
    width, height = fit_within(photograph.base_linear.shape[2], photograph.base_linear.shape[1], within)
    sdr = reduce_area(photograph.sdr_linear(), width, height)
    hdr = reduce_area(photograph.hdr_nits(), width, height)
    return np.asarray(srgb.inverse_eotf(sdr), np.float32), master_display_light(hdr)
