import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lumaflux.color import pq
from lumaflux.inference.look import place_peak


@settings(deadline=None, max_examples=60)
@given(peak=st.floats(400, 4000), white=st.floats(100, 399))
def test_the_curve_is_strictly_increasing_and_meets_the_peak(peak, white):
    nits = torch.cat([torch.linspace(0.1, 1000, 3000, dtype=torch.float64)])
    picture = pq.inverse_eotf(nits).view(1, 1, 1, -1).expand(1, 3, 1, -1)
    out = pq.eotf(place_peak(picture, white, peak))[0, 0, 0]
    assert (out.diff() > 0).all()
    torch.testing.assert_close(out[-1], torch.tensor(peak, dtype=torch.float64), rtol=1e-6, atol=0)
    torch.testing.assert_close(out[nits < 203], nits[nits < 203] * white / 203, rtol=1e-6, atol=1e-6)


def test_channel_ratios_are_kept():
    nits = torch.tensor([900.0, 450.0, 90.0], dtype=torch.float64).view(1, 3, 1, 1)
    out = pq.eotf(place_peak(pq.inverse_eotf(nits), 203.0, 2000.0))
    torch.testing.assert_close(out[0, 1] / out[0, 0], torch.tensor([[0.5]], dtype=torch.float64), rtol=1e-6, atol=0)
