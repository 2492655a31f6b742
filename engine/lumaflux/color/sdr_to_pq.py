"""Static placement: SDR put into the HDR container as it is, white at a reference level (BT.2408-7 5.1)."""

from lumaflux.color import bt1886, pq
from lumaflux.color.arrays import Array
from lumaflux.color.primaries import BT709, BT2020, apply_matrix, rgb_to_rgb

REFERENCE_WHITE_NITS = 203.0  # BT.2408-7 Table 1: HDR reference white


def sdr_to_linear2020(sdr: Array) -> Array:
    """Relative BT.2020 light in [0, 1] (SDR white = 1) of a BT.1886/BT.709 signal ``[..., 3, H, W]``."""
    linear = bt1886.eotf(sdr.clip(0.0, 1.0), white_nits=1.0)
    return apply_matrix(rgb_to_rgb(BT709, BT2020), linear).clip(0.0, 1.0)


def sdr_to_pq(sdr: Array, white_nits: float | Array = REFERENCE_WHITE_NITS) -> Array:
    """PQ/BT.2020 signal ``[..., 3, H, W]`` of a BT.709 signal in [0, 1], white at ``white_nits`` cd/m2.

    White may differ from picture to picture: ``[B, 1, 1, 1]``.
    """
    return pq.inverse_eotf(sdr_to_linear2020(sdr) * white_nits)
