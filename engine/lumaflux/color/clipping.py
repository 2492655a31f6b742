"""Where a picture is clipped: what counts as such, and what a pixel shows that is clipped in a part of its area."""

from lumaflux.color.arrays import Array, namespace

CLIPPED_CODE = 0.98  # of the largest channel


def clipped_area(codes: Array) -> Array:
    """Non-linear R'G'B' [...,3,H,W] in [0,1] -> [...,1,H,W], 1 where the largest channel is clipped, else 0."""
    return 1.0 * (namespace(codes).amax(codes, -3)[..., None, :, :] >= CLIPPED_CODE)


def share_of_gain(clipped: Array) -> Array:
    """How much of its clipped part's stops a pixel shows, by its clipped share in [0,1]: all of them from a half on."""
    return (2.0 * clipped).clip(0.0, 1.0)
