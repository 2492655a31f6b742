"""The guided tone mapping of ST 2094-40, against de Casteljau's construction of the same curve."""

import itertools

import numpy as np
import pytest

from lumaflux.color.st2094_40 import GuidedMapping

CURVE = GuidedMapping(target_nits=203, knee=(410, 1229), anchors=(300, 480, 610, 700, 780, 850, 900, 950, 1000))


def de_casteljau(x, mapping):
    knee_x, knee_y = mapping.knee[0] / 4095, mapping.knee[1] / 4095
    if x < knee_x:
        return x * knee_y / knee_x
    t = (x - knee_x) / (1 - knee_x)
    points = [0.0, *(anchor / 1023 for anchor in mapping.anchors), 1.0]
    while len(points) > 1:
        points = [(1 - t) * a + t * b for a, b in itertools.pairwise(points)]
    return knee_y + (1 - knee_y) * points[0]


@pytest.mark.parametrize("knee", [(410, 1229), (0, 0)])
def test_the_curve_is_a_line_and_a_bezier_curve(knee):
    mapping = GuidedMapping(target_nits=203, knee=knee, anchors=CURVE.anchors)
    x = np.linspace(0, 1, 101)
    np.testing.assert_allclose(mapping.relative(x), [de_casteljau(each, mapping) for each in x], atol=1e-12)


def test_light_keeps_its_ratios_and_the_peak_meets_the_display():
    light = np.array([[800.0, 40.0], [400.0, 20.0], [200.0, 10.0]])[:, None]
    made = CURVE.shown_nits(light, 800.0)
    np.testing.assert_allclose(made[0, 0], [203.0, 203 * de_casteljau(0.05, CURVE)], rtol=1e-12)
    np.testing.assert_allclose(made / made[0], light / light[0], rtol=1e-12)
    assert (CURVE.shown_nits(np.zeros((3, 1, 1)), 800.0) == 0).all()


def test_a_scene_darker_than_the_display_is_not_brightened_to_its_peak():
    line = GuidedMapping(target_nits=203, knee=(0, 0), anchors=tuple(round(1023 * k / 10) for k in range(1, 10)))
    light = np.linspace(0.5, 50, 30).reshape(1, 1, 30).repeat(3, axis=0)
    np.testing.assert_allclose(line.shown_nits(light, 50.0), light, atol=0.03)


@pytest.mark.parametrize(
    "fields",
    [
        *({"target_nits": 0}, {"target_nits": 10001}, {"knee": (4096, 0)}, {"knee": (0, -1)}),
        *({"anchors": ()}, {"anchors": (1024,)}, {"anchors": (1,) * 16}),
    ],
)
def test_what_does_not_fit_the_fields_is_refused(fields):
    with pytest.raises(ValueError, match="not"):
        GuidedMapping(**{"target_nits": 203, "knee": (0, 0), "anchors": (512,), **fields})
