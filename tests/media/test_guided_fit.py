"""The HDR10+ curve of a scene: its constraints, and how near a display that follows it comes to the SDR grade."""

import numpy as np
import pytest

from lumaflux.color import bt1886, pq
from lumaflux.color.sdr_to_pq import sdr_to_linear2020
from lumaflux.media.metadata.guided_fit import ANCHORS, GradePairs

TARGET = 203


def grade(seed=0, size=(60, 80)):
    sdr = np.random.default_rng(seed).random((3, *size)) ** 1.5
    sdr[:, : size[0] // 10] = 0.98
    return sdr


def lit(sdr, curve):
    """Light of BT.2020 whose max(R,G,B) is ``curve`` of the grade's, ratios kept."""
    light = sdr_to_linear2020(sdr)
    largest = light.max(axis=0)
    return light / np.maximum(largest, 1e-9) * TARGET * curve(largest)


def fitted(sdr, hdr_nits):
    pairs = GradePairs()
    pairs.add(pq.inverse_eotf(hdr_nits), sdr)
    return pairs.mapping(float(hdr_nits.max()), TARGET)


def codes(nits):
    return 255 * bt1886.inverse_eotf(nits / TARGET, white_nits=1.0)


CURVES = {
    "highlights": lambda m: m**1.2 + 4 * m**6,
    "steep": lambda m: m + 3.9 * m**3,
    "lifted": lambda m: 0.4 * m**0.8 + 1.2 * m**3,
}


@pytest.mark.parametrize("name", CURVES)
def test_a_display_that_follows_it_shows_the_grade(name):
    sdr = grade()
    hdr = lit(sdr, CURVES[name])
    mapping = fitted(sdr, hdr)
    off = codes(mapping.shown_nits(hdr, float(hdr.max()))) - codes(TARGET * sdr_to_linear2020(sdr))
    clipped = codes(hdr.clip(0, TARGET)) - codes(TARGET * sdr_to_linear2020(sdr))
    assert np.sqrt((off**2).mean()) < 1.5  # 0.3 to 0.6 measured
    assert np.sqrt((off**2).mean()) < 0.2 * np.sqrt((clipped**2).mean())
    assert np.abs(off).max() < 8


@pytest.mark.parametrize("seed", range(6))
def test_the_curve_never_falls_and_fits_its_fields(seed):
    """Whatever the pictures have to do with each other."""
    rng = np.random.default_rng(seed)
    sdr, hdr = rng.random((3, 20, 20)) ** rng.uniform(0.3, 3), 10 ** rng.uniform(-3, 4, (3, 20, 20))
    mapping = fitted(sdr, hdr)
    assert mapping.target_nits == TARGET
    assert len(mapping.anchors) == ANCHORS == 9
    assert list(mapping.anchors) == sorted(mapping.anchors)
    assert 0 <= mapping.anchors[0] <= mapping.anchors[-1] <= 1023
    assert 0 <= mapping.knee[0] <= 4095
    assert 0 <= mapping.knee[1] <= 4095
    assert (np.diff(mapping.relative(np.linspace(0, 1, 2001))) >= -1e-12).all()


@pytest.mark.parametrize("brightest", [1.0, 0.5, 0.1])
def test_a_scene_placed_as_it_is_is_left_as_it_is(brightest):
    """Static placement: where it is darker than the display the curve ends at its own peak."""
    sdr = grade() * brightest
    hdr = lit(sdr, lambda m: m)
    off = codes(fitted(sdr, hdr).shown_nits(hdr, float(hdr.max()))) - codes(hdr)
    assert np.sqrt((off**2).mean()) < 0.3
    assert np.abs(off).max() < 3


def test_scenes_add_up_and_empty_ones_are_refused():
    sdr = grade()
    hdr = lit(sdr, CURVES["steep"])
    whole, one, other = GradePairs(), GradePairs(), GradePairs()
    whole.add(pq.inverse_eotf(hdr), sdr)
    one.add(pq.inverse_eotf(hdr[:, :30]), sdr[:, :30])
    other.add(pq.inverse_eotf(hdr[:, 30:]), sdr[:, 30:])
    one.take(other)
    assert one.mapping(1000.0, TARGET) == whole.mapping(1000.0, TARGET)
    with pytest.raises(ValueError, match="No picture"):
        GradePairs().mapping(1000.0, TARGET)
    with pytest.raises(ValueError, match="shapes"):
        one.add(hdr, sdr[:, 1:])
