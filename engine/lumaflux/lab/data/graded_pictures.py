"""HDR as its authors graded it: frames and pictures in PQ or HLG, and pictures whose SDR lies beside them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import pq, srgb
from lumaflux.color.primaries import BT2020, P3_D65, apply_matrix, rgb_to_rgb
from lumaflux.lab.data.hdr_video import display_light
from lumaflux.media.display_light import light_in_bt2020
from lumaflux.media.metadata.coding_points import CHROMATICITIES, MATRIX, PRIMARIES, TRANSFER
from lumaflux.media.scaling import reduce_area
from lumaflux.media.stills.picture import read_still
from lumaflux.media.video.frame_planes import FramePlanes

_LARGEST = (1280, 1280)  # what a view of 144 pixels needs at most


def _within(nits: NDArray[np.float32]) -> NDArray[np.float32]:
    factor = min(1.0, *(most / side for most, side in zip(_LARGEST, nits.shape[:0:-1], strict=True)))
    return reduce_area(nits, round(nits.shape[2] * factor), round(nits.shape[1] * factor))


def graded_light(path: Path) -> list[NDArray[np.float32]]:
    """Frames of an HDR video or picture: cd/m2, linear BT.2020 [3,H,W]; HLG on a display of 1000 cd/m2.

    ``.y4m`` says nothing of itself: PQ in P3-D65, limited range, as its name says. Raises UserError as the readers do.
    """
    if path.suffix == ".y4m":
        return [_within(light) for light in _untagged(path)]
    if path.suffix in (".png", ".exr"):
        still = read_still(path, allow_hdr=True)
        primaries = CHROMATICITIES[still.info.primaries.value]
        light = light_in_bt2020(still.sdr, still.info.transfer.value, primaries)
        return [_within(np.asarray(light.clip(0, None), np.float32))]
    if path.suffix == ".avif":
        return [_within(_first_item(path))]
    return [_within(light) for light in display_light(path)]


def _first_item(path: Path) -> NDArray[np.float32]:
    """The primary picture of an AVIF file, by its own tags."""
    import av

    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    full = frame.color_range == 2
    matrix, transfer = MATRIX.get(int(frame.colorspace), "bt709"), TRANSFER.get(int(frame.color_trc))
    rgb = FramePlanes(matrix, full, str(path)).rgb(frame)
    primaries = CHROMATICITIES[PRIMARIES[int(frame.color_primaries)]]
    return np.asarray(light_in_bt2020(rgb, str(transfer), primaries).clip(0, None), np.float32)


def _untagged(path: Path) -> list[NDArray[np.float32]]:
    import av

    planes = FramePlanes("bt709", False, str(path))
    with av.open(str(path)) as container:
        frames = [pq.eotf(planes.rgb(frame)) for frame in container.decode(video=0)]
    return [np.asarray(apply_matrix(rgb_to_rgb(P3_D65, BT2020), light).clip(0, None), np.float32) for light in frames]


def graded_pair(sdr: Path, hdr: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Relative BT.709 light of an SDR picture [3,H,W] and cd/m2 of its HDR sibling, at the smaller's size."""
    shown = np.asarray(srgb.eotf(read_still(sdr).sdr), np.float32)
    light = graded_light(hdr)[0]
    height, width = (min(a, b) for a, b in zip(shown.shape[1:], light.shape[1:], strict=True))
    return reduce_area(shown, width, height), reduce_area(light, width, height)
