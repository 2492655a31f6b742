"""Title cards: frames that show letters, and whatever else was drawn with them, on a plain dark ground.

Titles, logos and rolling credits. All that is light on them is graphics, the shapes beside the letters included, while
a lamp beside a subtitle is none. What tells a drawn card from a night: its ground has one level, light ends within a
pixel or two, without a halo, and letters are a good part of it.
"""

from collections.abc import Sequence

import numpy as np

from lumaflux.inference.text_lines import LIGHT, Codes, Line, grown

_DARKEST = 48  # codes: a ground that is lighter is a picture's, or a page's
_PLAIN = 3  # codes that a ground may be off its level
_GROUND = 0.5  # of the samples
_DIM, _SHADE = 12, 150  # codes over the ground, and codes: between them are edges, halos, and what a lamp lights
_EDGE = 2  # samples
_HALO = 0.5  # of what is light: samples between that are no edge of it
_LETTERS = 0.2  # of what is light


def is_title_card(largest: Codes, lines: Sequence[Line]) -> bool:
    """Whether samples of a frame, the ``largest`` channel of each [h,w] and the ``lines`` of light letters among them,
    are a card's."""
    counts = np.bincount(largest.ravel(), minlength=256)
    ground, light = int(counts.argmax()), int(counts[LIGHT:].sum())
    plain = int(counts[max(0, ground - _PLAIN) : ground + _PLAIN + 1].sum())
    if ground > _DARKEST or not light or plain < _GROUND * largest.size:
        return False
    ink = sum(int((largest[line.top : line.bottom, line.left : line.right] >= LIGHT).sum()) for line in lines)
    between = (largest > ground + _DIM) & (largest < _SHADE)
    halo = int(np.count_nonzero(between & ~grown(largest >= _SHADE, _EDGE)))
    return ink >= _LETTERS * light and halo <= _HALO * light
