"""Dense optical flow between two frames, as the metrics have it: the fast preset, at full size."""

from torch import Tensor

from lumaflux.inference import motion

OPTIONS = {"flow": "DIS, OpenCV's preset FAST", "flow_input": "luma of 8 bits, full size"}


def available() -> bool:
    """Whether OpenCV is there (extra ``evaluation``, or ``motion``)."""
    return motion.available()


def optical_flow(luma: Tensor, other: Tensor) -> Tensor:
    """Where each pixel of ``luma`` [H,W] in [0,1] lies in ``other``: displacement (x, y) in pixels, [2,H,W] float32.

    Raises MissingExtraError without OpenCV; ask ``available`` first.
    """
    return motion.optical_flow(luma, other, "FAST")
