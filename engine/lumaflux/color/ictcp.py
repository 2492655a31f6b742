"""ICtCp (BT.2100-2 Table 7, PQ) and the colour difference Delta-E-ITP (BT.2124-0 Annex 1)."""

import numpy as np

from lumaflux.color import pq
from lumaflux.color.arrays import Array, channels, power
from lumaflux.color.primaries import apply_matrix

RGB_TO_LMS = np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096
LMS_TO_ICTCP = np.array([[2048, 2048, 0], [6610, -13613, 7003], [17933, -17390, -543]]) / 4096
_EQUAL = (
    1e-16  # squared distance, 7e-6 of a unit: below it the root's slope would make the gradient of equal pixels NaN
)


def rgb_to_ictcp(nits: Array) -> Array:
    """ICtCp of light.

    Args:
        nits: cd/m2, ``[..., 3, H, W]``, BT.2020; clamped to [0, 10000].

    Returns:
        I in [0, 1], Ct and Cp in [-0.5, 0.5], ``[..., 3, H, W]``.

    Examples:
        >>> import numpy as np
        >>> (rgb_to_ictcp(np.full((3, 1, 1), 203.0)).round(3) + 0).ravel().tolist()
        [0.581, 0.0, 0.0]
    """
    return apply_matrix(LMS_TO_ICTCP, pq.inverse_eotf(apply_matrix(RGB_TO_LMS, nits.clip(0.0, pq.PQ_PEAK_NITS))))


def ictcp_to_rgb(ictcp: Array) -> Array:
    """Light of ICtCp.

    Args:
        ictcp: As `rgb_to_ictcp` gives it, ``[..., 3, H, W]``.

    Returns:
        cd/m2, ``[..., 3, H, W]``, BT.2020; below 0 outside of the gamut.

    Examples:
        >>> import numpy as np
        >>> color = np.array([100.0, 50.0, 20.0]).reshape(3, 1, 1)
        >>> ictcp_to_rgb(rgb_to_ictcp(color)).round(3).ravel().tolist()
        [100.0, 50.0, 20.0]
    """
    return apply_matrix(np.linalg.inv(RGB_TO_LMS), pq.eotf(apply_matrix(np.linalg.inv(LMS_TO_ICTCP), ictcp)))


def delta_e_itp(rgb1_nits: Array, rgb2_nits: Array) -> Array:
    """Delta-E-ITP of two pictures; 1 is about one just noticeable step.

    Args:
        rgb1_nits: cd/m2, ``[..., 3, H, W]``, BT.2020.
        rgb2_nits: The other, of the same shape.

    Returns:
        The difference of each pixel, ``[..., H, W]``.

    Examples:
        >>> import numpy as np
        >>> grey = np.full((3, 1, 1), 100.0)
        >>> delta_e_itp(grey, 1.02 * grey).round(2).tolist()
        [[1.43]]
    """
    di, dct, dcp = channels(rgb_to_ictcp(rgb1_nits) - rgb_to_ictcp(rgb2_nits))
    dt = 0.5 * dct  # BT.2124 Annex 1: T is half of Ct
    return 720 * power(di * di + dt * dt + dcp * dcp, 0.5, _EQUAL)
