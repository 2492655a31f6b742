"""The calculation of what adapters cost: its parts add up, and torch's traffic is counted, not guessed."""

import pytest
import torch

from lumaflux.lab.bench.roofline import CARDS, Step, roofline_table
from lumaflux.lab.bench.traffic import moved


def test_traffic_of_an_addition_of_a_view():
    a, b = torch.empty(4, 6, device="meta"), torch.empty(6, device="meta")
    found = moved(lambda x, y: x.t().contiguous() + y.expand(4, 6).t(), a, b)
    assert found.launches == 2
    assert found.bytes == 4 * (24 + 24) + 4 * (24 + 6 + 24)


def test_1080p_of_flux():
    step = Step()
    assert step.image_tokens == 68 * 120
    assert step.blocks == 57
    assert step.operations() == pytest.approx(170.3e12, rel=1e-3)


def test_bandwidth_bounds_a_thin_update():
    work = Step().gated_low_rank(8160)
    for card in CARDS:
        assert work.seconds(card) == work.bytes / card.bandwidth
        assert work.seconds(card) < work.unfused_seconds(card)


def test_table_has_every_kernel_and_card():
    table = roofline_table()
    assert all(card.name in table for card in CARDS)
    assert all(name in table for name in ("gated_low_rank", "film_layer_norm", "coupler_add", "spline_pq", "gain_map"))
