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
    11: "ydzdx",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
    15: "ipt-c2",
    16: "ycgco-re",
    17: "ycgco-ro",
}
RANGE = {1: "limited", 2: "full"}
UNTOLD = (0, UNSPECIFIED, 3)  # unspecified, and codes that are reserved but that encoders write for it
# Curves of cameras, whose pictures are made for one and the same display
VIDEO_TRANSFERS = ("bt709", "smpte170m", "smpte240m", "xvycc", "bt1361", "bt2020-10", "bt2020-12")

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
_WHITE_C, _EQUAL_ENERGY = (0.310, 0.316), (1 / 3, 1 / 3)
CHROMATICITIES = {
    "bt470m": Primaries(red=(0.67, 0.33), green=(0.21, 0.71), blue=(0.14, 0.08), white=_WHITE_C),
    "film": Primaries(red=(0.681, 0.319), green=(0.243, 0.692), blue=(0.145, 0.049), white=_WHITE_C),
    "xyz": Primaries(red=(1.0, 0.0), green=(0.0, 1.0), blue=(0.0, 0.0), white=_EQUAL_ENERGY),
    "p3-dci": Primaries(red=P3_D65.red, green=P3_D65.green, blue=P3_D65.blue, white=(0.314, 0.351)),
    "adobe-rgb": Primaries(red=(0.64, 0.33), green=(0.21, 0.71), blue=(0.15, 0.06), white=D65),  # IEC 61966-2-5
    "bt709": BT709,
    "bt470bg": _EBU,
    "smpte170m": _SMPTE_C,
    "smpte240m": _SMPTE_C,
    "bt2020": BT2020,
    "p3-d65": P3_D65,
    "ebu3213": Primaries(red=(0.630, 0.340), green=(0.295, 0.605), blue=(0.155, 0.077), white=D65),
}
