"""The eight renderings of the degradation chain (1000 cd/m2 master -> 100 cd/m2 SDR) and their inverses, by name."""

from collections.abc import Callable
from functools import partial

from lumaflux.color import aces, bt2390, bt2446a, bt2446c, gamma_clip, hard_clip, logc_curve, reinhard
from lumaflux.color.arrays import Array

Rendering = Callable[..., Array]

# light [..., 3, H, W] in cd/m2, BT.2020 -> BT.709 SDR in [0, 1]; keyword parameters as each function names them
OPERATORS: dict[str, Rendering] = {
    "aces-1.3": aces.sdr_from_hdr,
    "bt2446a": bt2446a.sdr_from_hdr,
    "bt2446c": bt2446c.sdr_from_hdr,
    "hard-clip": hard_clip.sdr_from_hdr,
    "reinhard": reinhard.sdr_from_hdr,
    "logc": logc_curve.sdr_from_hdr,
    "bt2390": bt2390.sdr_from_hdr,
    "gamma-clip": gamma_clip.sdr_from_hdr,
}

# BT.709 SDR in [0, 1] -> light [..., 3, H, W] in cd/m2, BT.2020
INVERSES: dict[str, Rendering] = {
    "aces-1.3": aces.hdr_from_sdr,
    "aces-2.0": partial(aces.hdr_from_sdr, version="2.0"),
    "bt2446a": bt2446a.hdr_from_sdr,
    "bt2446c": bt2446c.hdr_from_sdr,
    "hard-clip": hard_clip.hdr_from_sdr,
    "reinhard": reinhard.hdr_from_sdr,
    "logc": logc_curve.hdr_from_sdr,
    "bt2390": bt2390.hdr_from_sdr,
    "gamma-clip": gamma_clip.hdr_from_sdr,
}
