"""Code points of ITU-T H.273 (CICP) that a picture is tagged with: their names and the numbers behind them."""

from lumaflux.color.primaries import BT709, BT709_LUMA, BT2020, BT2020_LUMA, D65, P3_D65, Primaries

UNSPECIFIED = 2

PRIMARIES = {  # H.273 Table 2
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "xyz",
    11: "p3-dci",
    12: "p3-d65",
    22: "ebu3213",
}
TRANSFER = {  # H.273 Table 3
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log",
    10: "log-sqrt",
    11: "xvycc",
    12: "bt1361",
    13: "srgb",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "pq",
    17: "st428",
    18: "hlg",
}
MATRIX = {  # H.273 Table 4
    0: "rgb",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    14: "ictcp",
}
RANGE = {1: "limited", 2: "full"}

HDR_TRANSFERS = ("pq", "hlg")

_BT601_LUMA = (0.299, 0.587, 0.114)  # BT.601-7 2.5.1
LUMA = {  # (Kr, Kg, Kb), H.273 Table 4
    "bt709": BT709_LUMA,
    "fcc": (0.30, 0.59, 0.11),
    "bt470bg": _BT601_LUMA,
    "smpte170m": _BT601_LUMA,
    "smpte240m": (0.212, 0.701, 0.087),
    "bt2020nc": BT2020_LUMA,
}

_SMPTE_C = Primaries(red=(0.630, 0.340), green=(0.310, 0.595), blue=(0.155, 0.070), white=D65)  # H.273: 6 and 7
_EBU = Primaries(red=(0.640, 0.330), green=(0.290, 0.600), blue=(0.150, 0.060), white=D65)  # H.273: 5
CHROMATICITIES = {
    "bt709": BT709,
    "bt470bg": _EBU,
    "smpte170m": _SMPTE_C,
    "smpte240m": _SMPTE_C,
    "bt2020": BT2020,
    "p3-d65": P3_D65,
    "ebu3213": Primaries(red=(0.630, 0.340), green=(0.295, 0.605), blue=(0.155, 0.077), white=D65),
}
