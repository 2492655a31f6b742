"""Highlights: nothing outside clipped areas, no rim, no ceiling below the peak, and the mask of what is invented."""

import math

import pytest
import torch
from lamp_model import lamp_converter, with_lamp

from lumaflux.color import pq
from lumaflux.color.clipping import CLIPPED_CODE, clipped_area, share_of_gain
from lumaflux.inference.converter import Converter
from lumaflux.inference.highlights import (
    carried_outwards,
    continuous_bound,
    distance_to_edge,
    domed,
    of_clipped_channels,
    placed_stops,
    region_stops,
    stops_between,
    trusted,
    without_faint,
)
from lumaflux.settings import Settings


@pytest.fixture(scope="module")
def converter() -> Converter:
    return lamp_converter()


def _grey(nits: torch.Tensor) -> torch.Tensor:
    return pq.inverse_eotf(nits).expand(1, 3, -1, -1)


def test_outside_of_clipped_areas_light_is_the_placement_s(converter: Converter):
    frame = with_lamp()
    with_it, without = (converter.render(frame, Settings(highlight_recovery=share)) for share in (1.0, 0.0))
    outside = converter.invented(frame)[0] == 0
    assert 0.5 < float(outside.float().mean()) < 0.95
    torch.testing.assert_close(with_it[:, outside], without[:, outside], rtol=0, atol=1e-6)


def test_recovery_only_brightens_up_to_the_peak(converter: Converter):
    frame = with_lamp()
    shares = (0.0, 0.5, 1.0)
    none, half, whole = (pq.eotf(converter.render(frame, Settings(highlight_recovery=share))) for share in shares)
    assert (half >= none - 1e-2).all()
    assert (whole >= half - 1e-2).all()
    assert float(whole.max()) <= 1000.5


def test_a_frame_that_clips_nothing_passes_no_transformer(converter: Converter, monkeypatch: pytest.MonkeyPatch):
    frame = 0.6 * torch.rand(3, 64, 96, generator=torch.Generator().manual_seed(0))
    wanted = converter.render(frame, Settings(highlight_recovery=0.0))
    monkeypatch.setattr(converter.backend.network, "velocity", None)
    assert torch.equal(converter.render(frame), wanted)


def test_stops_reach_the_peak_and_not_beyond():
    begun, generated = (_grey(torch.full((1, 1, 8, 8), nits)) for nits in (250.0, 4000.0))
    clipped, white = torch.zeros(1, 1, 8, 8), _grey(torch.full((1, 1, 1, 1), 250.0))
    clipped[..., 3:5, 3:5] = 1

    def found(after: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        return placed_stops(carried_outwards(stops_between(after, before), clipped), clipped, white)

    stops = found(generated, begun)
    torch.testing.assert_close(stops[..., 3:5, 3:5], torch.full((1, 3, 2, 2), 2.0), rtol=0, atol=1e-4)
    assert not found(begun, generated).any()


def test_stops_are_carried_over_the_edge_at_the_height_that_they_have_there():
    clipped, stops = torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)
    clipped[..., 4:8, 4:8] = 1.0
    clipped[..., 8, 4:8] = 0.2  # an edge through pixels, which show a part of it
    stops[...] = 1.5 * share_of_gain(clipped)
    carried = carried_outwards(stops, clipped)
    beside = torch.cat([carried[0, 0, 3, 4:8], carried[0, 0, 4:8, 3]])
    torch.testing.assert_close(beside, torch.cat([carried[0, 0, 4, 4:8], carried[0, 0, 4:8, 4]]), rtol=0, atol=0.02)
    assert not carried[..., 13:, 13:].any()


def test_a_dome_moves_light_inside_of_a_region_and_adds_none():
    own = torch.zeros(1, 1, 24, 24)
    own[..., 6:17, 6:17] = 1
    shaped = domed(torch.full_like(own, 1.5), own)
    row = shaped[0, 0, 11, 6:17]
    assert (row[:6].diff() > 0).all()
    assert (row[5:].diff() < 0).all()
    assert float(shaped[own > 0].mean()) == pytest.approx(1.5, abs=0.1)
    assert float(shaped[own > 0].min()) > 0.7
    assert not domed(torch.zeros_like(own), own).any()


def test_faint_stops_are_taken_less_and_never_out_of_order():
    stops = torch.linspace(0, 1, 101).view(1, 1, 1, -1)
    taken = without_faint(stops)[0, 0, 0]
    assert float(taken[5]) < 0.01
    torch.testing.assert_close(taken[30:], stops[0, 0, 0, 30:])
    assert (taken.diff() >= 0).all()


def test_distances_end_at_the_most_and_the_border_is_no_edge():
    own = torch.ones(1, 1, 4, 30)
    own[..., 0] = 0
    expected = torch.arange(30.0).clamp(max=8).expand(1, 1, 4, 30)
    torch.testing.assert_close(distance_to_edge(own, 8), expected)


def test_the_mask_of_invention_follows_the_settings(converter: Converter):
    frame = with_lamp()
    mask = converter.invented(frame)
    assert mask.shape == (1, 64, 96)
    assert float(mask[0, 30, 45]) == 1.0
    assert float(mask[0, 5, 5]) == 0.0
    torch.testing.assert_close(converter.invented(frame, Settings(highlight_recovery=0.5)), 0.5 * mask)
    assert (converter.invented(frame, Settings(detail=0.0)) == 1.0).all()
    assert not converter.invented(frame, Settings(strength=0.0)).any()
    assert converter.invented(frame.numpy()).shape == (1, 64, 96)


def test_clipped_is_the_largest_channel():
    codes = torch.tensor([0.2, 0.98, 0.1]).view(3, 1, 1)
    assert float(clipped_area(codes)) == 1.0
    assert float(clipped_area(0.98 * codes)) == 0.0


def test_a_wall_whose_lightest_spots_do_not_clip_is_not_stained(converter: Converter):
    wall = 0.6 * with_lamp()
    wall[:, 20:40, 30:60] = 243 / 255
    wall[:, 26:34, 40:50] = 248 / 255
    none, whole = (converter.render(wall, Settings(highlight_recovery=share)) for share in (0.0, 1.0))
    assert torch.equal(none, whole)
    wall[:, 26:34, 40:50] = 252 / 255
    assert (converter.render(wall) > none + 1e-3).any()


def test_what_fills_the_frame_is_white_and_no_light(converter: Converter):
    shares = torch.zeros(4, 1, 10, 10)
    for row, share in enumerate((1, 12, 21, 60)):
        shares[row].view(-1)[:share] = 1
    torch.testing.assert_close(trusted(shares).flatten(), torch.tensor([1.0, 1.0, 0.5, 0.0]))
    page = torch.ones(3, 64, 96)
    page[:, ::7, 10:80] = 0.1
    none, whole = (converter.render(page, Settings(highlight_recovery=share)) for share in (0.0, 1.0))
    torch.testing.assert_close(whole, none, rtol=0, atol=1e-6)


def _sky_and_lamp() -> tuple[torch.Tensor, torch.Tensor]:
    """Reduced SDR [1,3,24,96] and what of it is clipped: a sky that nears clipping slowly from the left and is clipped
    at its right end, and a lamp on black."""
    codes = torch.zeros(1, 1, 24, 96)
    codes[..., :64] = torch.linspace(0.8, 1.05, 64).clamp(max=1)
    codes[..., 10:14, 76:80] = 1
    return codes.expand(-1, 3, -1, -1), (codes >= CLIPPED_CODE).float()


def test_light_goes_on_from_a_sky_that_nears_clipping_slowly():
    sdr, clipped = _sky_and_lamp()
    bound = continuous_bound(sdr, clipped)
    sky = bound[0, 0, 0, int(clipped[0, 0, 0].argmax()) : 60]
    assert float(sky[:4].max()) < 0.3
    assert (sky.diff() > 0).all()
    assert float(sky.diff().max()) < 0.1
    assert float(bound[0, 0, 10:14, 76:80].min()) > 2


def test_blocks_of_a_codec_at_the_clipping_level_are_no_lamps():
    """A channel of a flat sky lies just below clipping, and a few blocks of it just above."""
    sky = torch.tensor([246.0, 205.0, 120.0]).view(1, 3, 1, 1).expand(-1, -1, 72, 96).clone() / 255
    for top, left in ((16, 24), (16, 72), (48, 40), (60, 80)):
        sky[:, 0, top : top + 4, left : left + 4] = 252 / 255
    clipped = clipped_area(sky)
    stops = 2.0 * clipped
    assert float(carried_outwards(stops, clipped).max()) > 1.5
    assert float(region_stops(stops, sky, clipped).max()) < 0.25


def test_stops_are_raised_where_no_channel_tells():
    """Two lamps on black: a white one, and one whose blue, hardly a part of its light, still tells."""
    sdr = torch.zeros(1, 3, 24, 48)
    sdr[..., 8:16, 8:16] = 1
    sdr[:, :2, 8:16, 32:40] = 1
    clipped = clipped_area(sdr)
    found = region_stops(1.2 * clipped, sdr, clipped)
    white, yellow = (float(found[..., 8:16, left : left + 8].mean()) for left in (8, 32))
    assert yellow == pytest.approx(1.2, abs=0.15)
    assert white == pytest.approx(1.5 * yellow, rel=0.02)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((1.0, 1.0, 1.0), 2.0),
        ((0.0, 0.0, 1.0), 2.0),
        ((0.5, 0.5, 1.0), math.log2((4 * 0.0722 + 0.9278 * 0.5**2.4) / (0.0722 + 0.9278 * 0.5**2.4))),
        ((1.0, 0.6, 0.3), math.log2(1 + 3 * 0.2126 / (0.2126 + 0.7152 * 0.6**2.4 + 0.0722 * 0.3**2.4))),
    ],
    ids=["white", "blue light", "blue petals", "an orange lamp"],
)
def test_light_gains_in_channels_that_clip_alone(codes: tuple[float, float, float], expected: float):
    sdr = torch.tensor(codes).view(1, 3, 1, 1).expand(-1, -1, 4, 4)
    torch.testing.assert_close(
        of_clipped_channels(torch.full((1, 1, 4, 4), 2.0), sdr),
        torch.full((1, 1, 4, 4), expected),
        rtol=1e-3,
        atol=1e-3,
    )


def test_an_edge_takes_nothing_from_a_lamp():
    """Reduced pixels at a white lamp's edge are half of the dark wall beside it: no rim."""
    sdr = torch.full((1, 3, 12, 12), 0.2)
    sdr[..., 4:8, 4:8] = 1
    sdr[..., 4:8, 3] = sdr[..., 4:8, 8] = 0.6
    found = of_clipped_channels(torch.full((1, 1, 12, 12), 1.0), sdr)
    torch.testing.assert_close(found[..., 3:9, 3:9], torch.ones(1, 1, 6, 6))
