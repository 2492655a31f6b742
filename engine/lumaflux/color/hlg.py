"""Hybrid log-gamma: BT.2100-2 Table 5. Signals and scene light E in [0, 1]; display light in cd/m2."""

import math

from lumaflux.color import pq
from lumaflux.color.arrays import Array, namespace
from lumaflux.color.primaries import BT2020_LUMA, luminance

HLG_A = 0.17883277
HLG_B = 1 - 4 * HLG_A
HLG_C = 0.5 - HLG_A * math.log(4 * HLG_A)
_FLOOR = 1e-12  # of scene luminance, before the OOTF's negative power


def oetf(scene: Array) -> Array:
    """HLG signal of scene light.

    Args:
        scene: Relative scene light in [0, 1], of any shape; clamped to that.

    Returns:
        The signal in [0, 1].

    Examples:
        >>> import numpy as np
        >>> oetf(np.array([0.0, 1 / 12, 1.0])).round(3).tolist()
        [0.0, 0.5, 1.0]
    """
    xp = namespace(scene)
    e = scene.clip(0.0, 1.0)
    root = (3 * e.clip(1e-12, None)) ** 0.5
    log = HLG_A * xp.log((12 * e - HLG_B).clip(HLG_B, None)) + HLG_C
    return xp.where(e <= 1e-12, e * 0, xp.where(e <= 1 / 12, root, log))


def inverse_oetf(signal: Array) -> Array:
    """Scene light of an HLG signal.

    Args:
        signal: In [0, 1], of any shape; clamped to that.

    Returns:
        Relative scene light in [0, 1].

    Examples:
        >>> import numpy as np
        >>> inverse_oetf(np.array([0.0, 0.5, 1.0])).round(4).tolist()
        [0.0, 0.0833, 1.0]
    """
    xp = namespace(signal)
    v = signal.clip(0.0, 1.0)
    return xp.where(v <= 0.5, v * v / 3, (xp.exp((v - HLG_C) / HLG_A) + HLG_B) / 12)


def system_gamma(peak_nits: float) -> float:
    """The OOTF's gamma (BT.2100-2 Table 5, note 5f).

    Outside 400 to 2000 cd/m2 the extended model of BT.2390-10 6.2 holds; the two differ there by less than 0.012.

    Args:
        peak_nits: The display's peak, cd/m2.

    Returns:
        The exponent: 1.2 at 1000 cd/m2.

    Raises:
        ValueError: A peak of 0 or less.

    Examples:
        >>> system_gamma(1000), round(system_gamma(2000), 3)
        (1.2, 1.326)
    """
    if peak_nits <= 0:
        raise ValueError(f"The peak of an HLG display must be over 0 cd/m2, not {peak_nits}.")
    if 400 <= peak_nits <= 2000:
        return 1.2 + 0.42 * math.log10(peak_nits / 1000)
    return 1.2 * 1.111 ** math.log2(peak_nits / 1000)


def ootf(scene: Array, peak_nits: float = 1000.0) -> Array:
    """Display light of scene light: peak * Y^(gamma-1) * E.

    Args:
        scene: Relative scene light ``[..., 3, H, W]``, BT.2020.
        peak_nits: The display's peak, cd/m2.

    Returns:
        cd/m2, ``[..., 3, H, W]``.

    Raises:
        ValueError: A peak of 0 or less.

    Examples:
        >>> import numpy as np
        >>> ootf(np.full((3, 1, 1), 0.5))[0].round(1).tolist()
        [[435.3]]
    """
    y = luminance(scene, BT2020_LUMA).clip(_FLOOR, None)
    return peak_nits * y ** (system_gamma(peak_nits) - 1) * scene


def inverse_ootf(nits: Array, peak_nits: float = 1000.0) -> Array:
    """Scene light of display light, the inverse of `ootf`.

    Args:
        nits: cd/m2, ``[..., 3, H, W]``, BT.2020.
        peak_nits: The display's peak, cd/m2.

    Returns:
        Relative scene light ``[..., 3, H, W]``.

    Raises:
        ValueError: A peak of 0 or less.

    Examples:
        >>> import numpy as np
        >>> inverse_ootf(ootf(np.full((3, 1, 1), 0.5)))[0].round(3).tolist()
        [[0.5]]
    """
    gamma = system_gamma(peak_nits)
    relative = nits / peak_nits
    y = luminance(relative, BT2020_LUMA).clip(_FLOOR**gamma, None)
    return y ** ((1 - gamma) / gamma) * relative


def eotf(signal: Array, peak_nits: float = 1000.0) -> Array:
    """Display light of an HLG signal, black level 0.

    Args:
        signal: In [0, 1], ``[..., 3, H, W]``, BT.2020.
        peak_nits: The display's peak, cd/m2.

    Returns:
        cd/m2, ``[..., 3, H, W]``.

    Examples:
        >>> import numpy as np
        >>> eotf(np.full((3, 1, 1), 0.75))[0].round(0).tolist()  # graphics white (BT.2408)
        [[203.0]]
    """
    return ootf(inverse_oetf(signal), peak_nits)


def inverse_eotf(nits: Array, peak_nits: float = 1000.0) -> Array:
    """HLG signal of display light.

    Args:
        nits: cd/m2, ``[..., 3, H, W]``, BT.2020; light beyond the display's range is clamped.
        peak_nits: The display's peak, cd/m2.

    Returns:
        The signal in [0, 1], ``[..., 3, H, W]``.

    Examples:
        >>> import numpy as np
        >>> inverse_eotf(np.full((3, 1, 1), 203.0))[0].round(2).tolist()  # graphics white (BT.2408)
        [[0.75]]
    """
    return oetf(inverse_ootf(nits.clip(0.0, peak_nits), peak_nits))


def from_pq(signal: Array, peak_nits: float = 1000.0) -> Array:
    """The HLG signal that shows a PQ signal's light (BT.2390-10 7).

    Args:
        signal: PQ/BT.2020 in [0, 1], ``[..., 3, H, W]``.
        peak_nits: The peak of the display that shows it; light above is clipped, for HLG has no more than 1.

    Returns:
        HLG in [0, 1], ``[..., 3, H, W]``.

    Examples:
        >>> import numpy as np
        >>> from_pq(np.full((3, 1, 1), 0.581))[0].round(2).tolist()
        [[0.75]]
    """
    return inverse_eotf(pq.eotf(signal), peak_nits)


def to_pq(signal: Array, peak_nits: float = 1000.0) -> Array:
    """The PQ signal of the light that a display shows of an HLG signal.

    Args:
        signal: HLG/BT.2020 in [0, 1], ``[..., 3, H, W]``.
        peak_nits: The display's peak, cd/m2.

    Returns:
        PQ in [0, 1], ``[..., 3, H, W]``.

    Examples:
        >>> import numpy as np
        >>> to_pq(np.full((3, 1, 1), 0.75))[0].round(3).tolist()
        [[0.581]]
    """
    return pq.inverse_eotf(eotf(signal.clip(0.0, 1.0), peak_nits))
