"""Light levels as colours: what a waveform monitor would say, on a page."""

import numpy as np

Scale = tuple[tuple[float, tuple[int, int, int]], ...]

# cd/m2 and the sRGB colour shown there; in between, colours are mixed along log light
SCALE = (
    (0.05, (10, 10, 30)),
    (0.5, (50, 30, 110)),
    (2.0, (40, 70, 190)),
    (10.0, (30, 140, 190)),
    (26.0, (40, 165, 90)),
    (100.0, (130, 200, 50)),
    (203.0, (240, 230, 70)),
    (400.0, (250, 150, 30)),
    (600.0, (230, 60, 30)),
    (1000.0, (255, 90, 200)),
    (4000.0, (255, 255, 255)),
)
# Delta-E-ITP and the sRGB colour shown there, ever lighter; 1 is about one just noticeable step
DIFFERENCE_SCALE = (
    (0.5, (8, 8, 20)),
    (1.0, (30, 24, 70)),
    (3.0, (100, 30, 120)),
    (10.0, (200, 60, 90)),
    (30.0, (250, 150, 50)),
    (100.0, (255, 250, 200)),
)


def false_colour(nits: np.ndarray) -> np.ndarray:
    """Luminance [H,W] in cd/m2 -> sRGB uint8 [H,W,3]."""
    return _coloured(nits, SCALE)


def difference_colour(delta_e_itp: np.ndarray) -> np.ndarray:
    """Delta-E-ITP [H,W] -> sRGB uint8 [H,W,3]."""
    return _coloured(delta_e_itp, DIFFERENCE_SCALE)


def _coloured(values: np.ndarray, scale: Scale) -> np.ndarray:
    levels = np.log10([level for level, _ in scale])
    colours = np.array([colour for _, colour in scale], dtype=np.float64)
    position = np.log10(np.maximum(values, scale[0][0]))
    mixed = [np.interp(position, levels, colours[:, channel]) for channel in range(3)]
    return np.round(np.stack(mixed, axis=-1)).astype(np.uint8)
