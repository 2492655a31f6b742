import numpy as np
import pytest

from lumaflux.color import pq
from lumaflux.color.primaries import BT709, BT2020, D65, P3_D65, apply_matrix, rgb_to_rgb
from lumaflux.viewing import scopes


def flat(nits, size=(20, 30)):
    return np.broadcast_to(np.array(nits, np.float32)[:, None, None], (3, *size)).copy()


def test_a_flat_field_is_one_line_of_the_waveform_at_its_light():
    counts = scopes.waveform(flat((203, 100, 1)), columns=10, rows=101)
    assert counts.sum(axis=(1, 2)).tolist() == [600] * 3
    for channel, nits in zip(counts, (203.0, 100.0, 1.0), strict=True):
        row = 100 - round(100 * float(pq.inverse_eotf(np.array([nits]))[0]))
        assert (channel[row] == 60).all()


def test_a_waveform_keeps_the_place_across_the_picture():
    nits = flat((1, 1, 1))
    nits[:, :, 15:] = 1000
    counts = scopes.waveform(nits, columns=30, rows=50)[0]
    assert np.flatnonzero(counts.sum(axis=0)).tolist() == list(range(30))
    assert (counts.argmax(axis=0)[:15] > counts.argmax(axis=0)[15:]).all()


@pytest.mark.parametrize("name", scopes.GAMUTS)
def test_primaries_lie_at_the_corners_that_are_drawn(name):
    gamut = scopes.GAMUTS[name]
    for corner, rgb in ((gamut.red, (100, 0, 0)), (gamut.green, (0, 100, 0)), (gamut.blue, (0, 0, 100))):
        light = apply_matrix(rgb_to_rgb(gamut, BT2020), flat(rgb))
        row, column = np.unravel_index(scopes.chromaticity(light, 630, 600).argmax(), (600, 630))
        u, v = scopes.u_v_prime(corner)
        assert column == pytest.approx(1000 * u, abs=1.01)
        assert 600 - row == pytest.approx(1000 * v, abs=1.01)


def test_u_v_prime_of_d65():
    assert scopes.u_v_prime(D65) == pytest.approx((0.1978, 0.4683), abs=5e-5)


def test_dark_pixels_have_no_chromaticity():
    assert scopes.chromaticity(flat((0.4, 0.4, 0.4))).sum() == 0


def test_facts_of_two_halves():
    nits = flat((26, 26, 26), (10, 10))
    nits[:, :2] = 1000
    facts = scopes.light_facts(nits)
    assert facts.max_cll == pytest.approx(1000)
    assert facts.frame_average == pytest.approx(0.2 * 1000 + 0.8 * 26)
    assert (facts.median, facts.above_203) == (pytest.approx(26), pytest.approx(20))
    assert facts.exposure == pytest.approx(0, abs=1e-6)
    assert facts.outside_709 == facts.outside_p3 == 0


def test_shares_outside_of_the_gamuts():
    green = apply_matrix(rgb_to_rgb(P3_D65, BT2020), flat((0, 100, 0)))
    widest = flat((0, 100, 0))
    inside = apply_matrix(rgb_to_rgb(BT709, BT2020), flat((0, 100, 0)))
    facts = scopes.light_facts(np.concatenate([green, widest, inside, inside], axis=2).clip(0, None))
    assert (facts.outside_709, facts.outside_p3) == (pytest.approx(50), pytest.approx(25))


def test_the_histogram_counts_every_pixel_once():
    counts = scopes.histogram(flat((203, 203, 203)), bins=256)
    assert counts.sum() == 600
    assert counts.argmax() == round(255 * float(pq.inverse_eotf(np.array([203.0]))[0]))
