import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.color import pq
from lumaflux.inference.look import apply_look, expose, place_peak
from lumaflux.settings import Settings


@settings(deadline=None, max_examples=60)
@given(peak=st.floats(400, 4000), white=st.floats(100, 399))
def test_the_curve_is_strictly_increasing_and_meets_the_peak(peak, white):
    nits = torch.cat([torch.linspace(0.1, 1000, 3000, dtype=torch.float64)])
    picture = pq.inverse_eotf(nits).view(1, 1, 1, -1).expand(1, 3, 1, -1)
    out = pq.eotf(place_peak(picture, white, peak))[0, 0, 0]
    assert (out.diff() > 0).all()
    torch.testing.assert_close(out[-1], torch.tensor(peak, dtype=torch.float64), rtol=1e-6, atol=0)
    torch.testing.assert_close(out[nits < 203], nits[nits < 203] * white / 203, rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(stops=st.floats(-6, 6), peak=st.floats(400, 4000))
def test_exposure_is_stops_below_white_and_ends_at_the_peak(stops, peak):
    nits = torch.linspace(0.1, peak, 3000, dtype=torch.float64)
    picture = pq.inverse_eotf(nits).view(1, 1, 1, -1).expand(1, 3, 1, -1)
    out = pq.eotf(expose(picture, Settings(exposure=stops, target_peak=peak)))[0, 0, 0]
    assert (out.diff() > 0).all()
    assert out.max() <= peak * (1 + 1e-9)
    below = nits * 2**stops < 203 if stops > 0 else nits > 0
    torch.testing.assert_close(out[below], nits[below] * 2**stops, rtol=1e-6, atol=1e-6)
    if stops > 0:
        torch.testing.assert_close(out[-1], torch.tensor(peak, dtype=torch.float64), rtol=1e-6, atol=0)


def test_exposure_reaches_static_placement_too():
    sdr = torch.full((1, 3, 2, 2), 0.3)
    pictures = [apply_look(sdr, sdr, Settings(strength=0.0, exposure=stops)) for stops in (0.0, 1.0)]
    plain, bright = (pq.eotf(picture) for picture in pictures)
    torch.testing.assert_close(bright, 2 * plain, rtol=1e-4, atol=0)


def test_channel_ratios_are_kept():
    nits = torch.tensor([900.0, 450.0, 90.0], dtype=torch.float64).view(1, 3, 1, 1)
    out = pq.eotf(place_peak(pq.inverse_eotf(nits), 203.0, 2000.0))
    torch.testing.assert_close(out[0, 1] / out[0, 0], torch.tensor([[0.5]], dtype=torch.float64), rtol=1e-6, atol=0)
