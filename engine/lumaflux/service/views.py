"""What the effect may show in place of the result, each as a PQ/BT.2020 picture that converts as the result does."""

import numpy as np

from lumaflux.color import pq
from lumaflux.color.false_colour import false_colour
from lumaflux.color.primaries import BT709_LUMA, luminance
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.color.srgb import srgb_to_bt1886

GAIN_RANGE_STOPS = 4.0  # black and white of the gain map; 0 stops is the middle
_OFFSET_NITS = 0.5  # on both sides of the ratio, so that black has no gain
_CLIPPED_COLOUR = (1.0, 0.1, 0.1)


def view_of(
    view: str, result_pq: np.ndarray, sdr: np.ndarray, reference_white: float, matte: np.ndarray | None = None
) -> np.ndarray:
    """The picture [3,H,W] of a view that is named in lumaflux.service.parameters, from result and source [3,H,W], and
    from the result's ``matte`` [3,H,W] (lumaflux.inference.confidence)."""
    match view:
        case "split":
            return split(result_pq, sdr, reference_white)
        case "false-colour":
            return sdr_to_pq(nits_as_colour(result_pq), reference_white)
        case "gain-map":
            return sdr_to_pq(gain_as_grey(result_pq, sdr, reference_white), reference_white)
        case "clipped":
            return sdr_to_pq(clipped_in_colour(sdr), reference_white)
        case "confidence" if matte is not None:  # red, green, blue
            return sdr_to_pq(matte, reference_white)
        case _:
            return result_pq


def split(result_pq: np.ndarray, sdr: np.ndarray, reference_white: float) -> np.ndarray:
    """The source as it is placed in the left half, the result in the right."""
    picture = result_pq.copy()
    middle = sdr.shape[2] // 2
    if middle:
        picture[..., :middle] = sdr_to_pq(sdr[..., :middle], reference_white)
    return picture


def nits_as_colour(result_pq: np.ndarray) -> np.ndarray:
    """Luminance as the colours of lumaflux.color.false_colour, as SDR [3,H,W]."""
    colours = false_colour(luminance(pq.eotf(result_pq))[0])
    return srgb_to_bt1886(np.moveaxis(colours, -1, 0).astype(np.float32) / np.float32(255))


def gain_as_grey(result_pq: np.ndarray, sdr: np.ndarray, reference_white: float) -> np.ndarray:
    """How much brighter the result is than the placed source, in stops, as SDR grey [3,H,W]."""
    placed = luminance(pq.eotf(sdr_to_pq(sdr, reference_white)))
    stops = np.log2((luminance(pq.eotf(result_pq)) + _OFFSET_NITS) / (placed + _OFFSET_NITS))
    grey = (0.5 + stops / (2 * GAIN_RANGE_STOPS)).clip(0.0, 1.0).astype(np.float32)
    return np.repeat(grey, 3, axis=0)


def clipped_in_colour(sdr: np.ndarray) -> np.ndarray:
    """The source in dark grey, red where it is clipped, as SDR [3,H,W]."""
    import torch

    from lumaflux.inference.detail import clipping

    share = clipping(torch.as_tensor(sdr)[None])[0].numpy()
    grey = (0.5 * luminance(sdr, BT709_LUMA)).clip(0.0, 1.0)
    colour = np.array(_CLIPPED_COLOUR, np.float32).reshape(3, 1, 1)
    return (grey + share * (colour - grey)).astype(np.float32)
