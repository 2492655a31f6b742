"""Pairs for highlights: what is clipped, how much light that took, and what the model should make of it."""

import torch

from lumaflux.color import pq
from lumaflux.color.clipping import clipped_area
from lumaflux.color.primaries import luminance
from lumaflux.lab.data.graphics import overlaid
from lumaflux.lab.data.highlights import expose, pairs_to_pq, reduced, relit, scene_light
from lumaflux.lab.data.mastering import shoulder


def _master(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    nits = torch.exp2(6 * torch.rand(1, 1, 64, 64, generator=generator)).expand(-1, 3, -1, -1) * 3
    return pq.inverse_eotf(shoulder(nits))


def test_the_mastering_shoulder_is_undone():
    nits = torch.tensor([5.0, 300.0, 900.0, 2500.0]).view(1, 1, 2, 2).expand(-1, 3, -1, -1)
    back = scene_light(pq.inverse_eotf(shoulder(nits)))
    torch.testing.assert_close(back, nits.contiguous(), rtol=5e-3, atol=0)


def test_stops_lie_in_clipped_areas_alone_and_follow_the_scene():
    found = 0
    for seed in range(8):
        pair = expose(_master(seed), torch.Generator().manual_seed(seed))
        area = clipped_area(pair.sdr)
        assert (pair.stops[area == 0] == 0).all()
        assert 150 <= float(pair.white) <= 400
        found += int(pair.stops.amax() > 0.3)
    assert found >= 4


def test_the_target_is_the_placed_picture_but_for_highlights():
    for seed in range(4):
        pair = expose(_master(seed), torch.Generator().manual_seed(seed))
        seen = reduced(pair, pairs_to_pq(pair), (32, 32))
        outside = (seen.clipped == 0).expand(-1, 3, -1, -1)
        torch.testing.assert_close(seen.target_pq[outside], seen.base_pq[outside], rtol=0, atol=2e-6)
        assert float(pq.eotf(seen.target_pq).max()) <= 1000.5
        assert (luminance(pq.eotf(seen.target_pq)) >= luminance(pq.eotf(seen.base_pq)) - 1e-2).all()


def test_light_without_stops_is_left_as_it_is():
    base = pq.inverse_eotf(torch.full((1, 3, 2, 2), 800.0))
    torch.testing.assert_close(relit(base, torch.zeros(1, 1, 2, 2)), base, rtol=0, atol=1e-6)


def test_graphics_change_what_they_cover_and_nothing_else():
    sdr = torch.full((1, 3, 96, 128), 0.3)
    for seed in range(12):
        result, covered = overlaid(sdr, torch.Generator().manual_seed(seed))
        assert covered.any()
        assert torch.equal(result[~covered.expand_as(result)], sdr[~covered.expand_as(sdr)])
