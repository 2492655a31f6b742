"""Perceptually uniform encoding PU21: Mantiuk and Azimi, Picture Coding Symposium 2021. 100 cd/m2 is about 256."""

from lumaflux.color.arrays import Array

BANDING_GLARE = (
    0.353487901,
    0.3734658629,
    8.277049286e-05,
    0.9062562627,
    0.09150303166,
    0.9099517204,
    596.3148142,
)
BANDING = (1.070275272, 0.4088273932, 0.153224308, 0.2520326168, 1.063512885, 1.14115047, 521.4527484)
LOWEST_NITS, HIGHEST_NITS = 0.005, 10000.0


def encode(nits: Array, parameters: tuple[float, ...] = BANDING_GLARE) -> Array:
    """PU21 units of light in cd/m2, clamped to [0.005, 10000]."""
    p1, p2, p3, p4, p5, p6, p7 = parameters
    y = nits.clip(LOWEST_NITS, HIGHEST_NITS) ** p4
    return (p7 * (((p1 + p2 * y) / (1 + p3 * y)) ** p5 - p6)).clip(0.0, None)


def decode(units: Array, parameters: tuple[float, ...] = BANDING_GLARE) -> Array:
    """Light in cd/m2 of PU21 units, the inverse of :func:`encode`."""
    p1, p2, p3, p4, p5, p6, p7 = parameters
    v = (units / p7 + p6).clip(0.0, None) ** (1 / p5)
    return ((v - p1).clip(0.0, None) / (p2 - p3 * v)) ** (1 / p4)
