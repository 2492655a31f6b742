"""The truth matte, what a mask forbids, and that without invention light follows the source monotonically."""

import numpy as np
import pytest
import torch
from lamp_model import lamp_converter, with_lamp

from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.errors import UserError
from lumaflux.inference.confidence import NAMES, permitted, shares
from lumaflux.inference.converter import Converter, RenderHooks
from lumaflux.inference.load import load
from lumaflux.settings import Settings


@pytest.fixture(scope="module")
def converter() -> Converter:
    return lamp_converter()


def _matte(converter: Converter, frame: torch.Tensor, settings: Settings, **how) -> tuple[torch.Tensor, torch.Tensor]:
    kept: list[torch.Tensor] = []
    result, _ = converter.render_timed(frame, settings, RenderHooks(on_matte=kept.append), **how)
    assert len(kept) == 1
    return result, kept[0][0]


def test_shares_of_known_light_sum_to_one():
    nits = torch.tensor([[[[100.0, 203.0, 204.0, 900.0]]]]).expand(1, 3, 1, 4)
    made = torch.tensor([[[[0.0, 0.0, 0.0, 0.75]]]])
    found = shares(made, pq.inverse_eotf(nits), 203.0)
    wanted = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.25], [0.0, 0.0, 0.0, 0.75]])
    torch.testing.assert_close(found[0, :, 0], wanted, rtol=0, atol=1e-6)
    assert NAMES == ("measured", "extended", "invented")


def test_between_never_and_always_light_is_the_mean_in_stops():
    lit, curve = (pq.inverse_eotf(torch.full((1, 3, 1, 3), nits)) for nits in (799.5, 199.5))
    found = pq.eotf(permitted(lit, curve, torch.tensor([[[[0.0, 0.5, 1.0]]]])))[0, 0, 0]
    torch.testing.assert_close(found, torch.tensor([199.5, 399.5, 799.5]), rtol=1e-4, atol=0)


def test_what_differs_from_the_curve_is_what_the_matte_calls_invented(converter: Converter):
    frame = with_lamp()
    result, matte = _matte(converter, frame, Settings())
    alone = converter.render(frame, Settings(highlight_recovery=0.0))
    changed = ((result - alone).abs().amax(0) > 1e-6).float()
    invented = (matte[2] > 0).float()
    assert matte.shape == (3, 64, 96)
    torch.testing.assert_close(matte.sum(0), torch.ones(64, 96), rtol=0, atol=1e-6)
    assert 0.05 < float(changed.mean()) < 0.5
    assert float((changed * invented).sum() / changed.sum()) == 1.0  # nothing is invented and not told
    assert float((changed * invented).sum() / invented.sum()) > 0.9  # and little told where the model found nothing


@pytest.mark.parametrize("settings", [Settings(), Settings(detail=0.5, steps=1), Settings(detail=0.0, steps=1)])
def test_zero_in_the_mask_gives_the_curve_and_one_what_was_there(converter: Converter, settings: Settings):
    frame, mask = with_lamp(), torch.ones(64, 96)
    mask[:, :45] = 0
    free, curve = converter.render(frame, settings), converter.render(frame, Settings(highlight_recovery=0.0))
    held, matte = _matte(converter, frame, settings, mask=mask)
    assert torch.equal(held[..., 45:], free[..., 45:])
    near = 2e-3 if settings.detail == 0 else 0  # the direct path finds the tone on the whole frame
    torch.testing.assert_close(held[..., :45], curve[..., :45], rtol=0, atol=near)
    assert not matte[2, :, :45].any()
    assert torch.equal(_matte(converter, frame, settings, mask=torch.zeros(64, 96))[0], curve)


def test_strength_and_black_bars_invent_nothing(converter: Converter):
    frame = with_lamp()
    assert not _matte(converter, frame, Settings(strength=0.0))[1][2].any()
    assert float(_matte(converter, frame, Settings(strength=0.5))[1][2].max()) == pytest.approx(0.5)
    barred = torch.zeros(3, 96, 96)
    barred[:, 16:80] = frame
    result, matte = _matte(converter, barred, Settings(), mask=np.ones((96, 96), np.float32))
    assert result.shape == (3, 96, 96)
    assert not matte[2, :12].any()
    assert matte[2, 16:80].any()


def test_a_mask_of_another_size_or_without_numbers_is_refused(converter: Converter):
    with pytest.raises(UserError, match="the mask is 96x48, the frame 96x64 pixels"):
        converter.render_timed(with_lamp(), Settings(), mask=torch.ones(48, 96))
    with pytest.raises(UserError, match="NaN"):
        converter.render_timed(with_lamp(), Settings(), mask=torch.full((64, 96), torch.nan))


@pytest.fixture(scope="module")
def shipped() -> Converter:
    return load("lite")


def _everywhere() -> torch.Tensor:
    """Every grey code, rays of scaled color, and texture: SDR [3,64,256]; no area is smooth enough to be debanded."""
    codes = torch.arange(256) / 255
    draw = torch.Generator().manual_seed(3)
    hues = torch.rand(3, 24, 1, generator=draw)
    rays = (hues / hues.amax(0, keepdim=True)) * codes
    grey = codes.expand(3, 8, 256)
    noise = torch.randint(0, 256, (3, 32, 256), generator=draw) / 255
    return torch.cat([grey, rays, noise], dim=1)


def test_with_invention_forbidden_light_is_monotone_in_the_source_everywhere(shipped: Converter):
    """The proof of the mask, on the shipped model: same code, same light, wherever it lies; and more code, not less."""
    frame = _everywhere()
    order = torch.randperm(64 * 256, generator=torch.Generator().manual_seed(5))
    frame = frame.flatten(1)[:, order].view(3, 64, 256)  # so that no place says what the code is
    result, matte = _matte(shipped, frame, Settings(), mask=torch.zeros(64, 256))
    assert not matte[2].any()
    back = torch.empty_like(order).scatter_(0, order, torch.arange(len(order)))
    light = pq.eotf(result.flatten(1)[:, back].view(3, 64, 256))
    y = luminance(light[None], BT2020_LUMA)[0, 0]
    assert torch.equal(light[:, :8], light[:, :1].expand(-1, 8, -1))  # eight times the same code
    assert (y[0].diff() > 0).all()  # every grey code above the one below
    assert (y[:32].diff(dim=1) >= 0).all()  # and along every ray of color, never less
    pairs = torch.randint(0, 64 * 256, (2, 200_000), generator=torch.Generator().manual_seed(7))
    sdr, flat = frame.flatten(1)[:, back], y.flatten()
    above = (sdr[:, pairs[0]] >= sdr[:, pairs[1]]).all(0)
    assert int(above.sum()) > 20_000
    falls = (flat[pairs[1]] - flat[pairs[0]])[above] / flat[pairs[1]][above].clamp(min=0.01)
    assert float(falls.max()) < 1e-5  # no pixel with more of every channel is darker
