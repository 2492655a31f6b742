import numpy as np

from lumaflux.color.false_colour import SCALE, false_colour


def test_anchors_show_their_own_colour_and_the_ends_hold():
    levels = np.array([[level for level, _ in SCALE]])
    assert false_colour(levels)[0].tolist() == [list(colour) for _, colour in SCALE]
    assert false_colour(np.array([[0.0, 1e6]]))[0].tolist() == [list(SCALE[0][1]), list(SCALE[-1][1])]
