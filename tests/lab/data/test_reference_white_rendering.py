"""Placement at reference white: shadows are kept, highlights rolled off in order, everything in range."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.color import bt1886, pq
from lumaflux.lab.data.reference_white_rendering import render_reference_white, roll_off


@settings(deadline=None)
@given(st.floats(0.3, 0.9), st.floats(1.3, 5.0))
def test_the_roll_off_keeps_what_is_below_the_knee_and_the_order_above(knee: float, white: float):
    light = torch.linspace(0, 6, 3001)
    rolled = roll_off(light, torch.tensor(knee), torch.tensor(white))
    below = light <= knee
    torch.testing.assert_close(rolled[below], light[below])
    assert (rolled.diff() >= -1e-6).all()
    assert rolled[light >= white].min() == pytest.approx(1, abs=1e-5)


def test_grey_stays_grey_in_order():
    ramp = torch.linspace(0, 0.7518, 256).view(1, 1, 1, 256).expand(16, 3, 16, 256)
    sdr = render_reference_white(ramp, torch.Generator().manual_seed(4))
    torch.testing.assert_close(sdr.amax(1), sdr.amin(1), atol=1e-4, rtol=0)
    assert sdr.min() >= 0
    assert sdr.max() <= 1
    assert (sdr[:, 0, 8].diff(dim=-1) >= -2e-3).all()


def test_middle_grey_comes_near_its_own_light():
    light = torch.full((64, 3, 16, 16), 203 * 0.18)
    sdr = render_reference_white(pq.inverse_eotf(light), torch.Generator().manual_seed(0))
    stops = (bt1886.eotf(sdr, white_nits=203.0) / light).log2().mean(dim=(1, 2, 3))
    assert stops.abs().median() < 0.7  # exposure is within half a stop; encoding and contrast add to it


def test_pictures_follow_the_generator():
    masters = 0.75 * torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    first, second, other = (render_reference_white(masters, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
