"""HLG in other primaries than BT.2020 is shown as the same scene in BT.2020 is."""

import numpy as np
import pytest

from lumaflux.color import hlg, pq
from lumaflux.color.primaries import BT2020, apply_matrix, rgb_to_rgb
from lumaflux.media.display_light import light_in_bt2020
from lumaflux.media.metadata.coding_points import CHROMATICITIES

INSIDE = [name for name in ("bt709", "smpte432", "bt470bg", "smpte170m", "bt2020") if name in CHROMATICITIES]


@pytest.fixture
def colors():
    """BT.709 scene light [3,H,W], which every of these primaries holds."""
    return np.random.default_rng(0).random((3, 8, 12)) ** 2


@pytest.mark.parametrize("name", INSIDE)
def test_one_scene_is_one_light_whatever_its_primaries(colors, name):
    primaries = CHROMATICITIES[name]
    scene = apply_matrix(rgb_to_rgb(CHROMATICITIES["bt709"], BT2020), colors)
    own = apply_matrix(rgb_to_rgb(BT2020, primaries), scene)
    signal, inside = hlg.oetf(own.clip(0, 1)), ((own >= 0) & (own <= 1)).all(axis=0)
    assert inside.mean() > 0.5
    np.testing.assert_allclose(
        light_in_bt2020(signal, "hlg", primaries)[:, inside], hlg.ootf(scene)[:, inside], rtol=2e-3, atol=0.05
    )


@pytest.mark.parametrize("name", INSIDE)
def test_white_and_greys_are_the_same_in_all(name):
    grey = np.linspace(0, 1, 11)[None, None].repeat(3, 0)
    primaries = CHROMATICITIES[name]
    np.testing.assert_allclose(light_in_bt2020(grey, "hlg", primaries), hlg.eotf(grey), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(light_in_bt2020(grey, "pq", primaries), pq.eotf(grey), rtol=1e-3, atol=1e-3)
