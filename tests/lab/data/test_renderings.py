"""SDR renderings: range, bits, reproducibility, monotone tone."""

import pytest
import torch

from lumaflux.color import pq
from lumaflux.color.operators import OPERATORS
from lumaflux.errors import UserError
from lumaflux.lab.data.random_rendering import random_warp, render_random, warp
from lumaflux.lab.data.renderings import (
    operators_without,
    render_jittered,
    render_outside,
    render_pairs,
    render_standard,
)


def masters(count: int = 6) -> torch.Tensor:
    return 0.75 * torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def ramp() -> torch.Tensor:
    return torch.linspace(0, 0.7518, 256).view(1, 1, 16, 16).expand(8, 3, 16, 16)


@pytest.mark.parametrize("operator", list(OPERATORS))
def test_standard_operators_give_8_bit_signals(operator: str):
    sdr = render_standard(masters(2), operator)
    assert sdr.min() >= 0
    assert sdr.max() <= 1
    torch.testing.assert_close(sdr * 255, (sdr * 255).round(), atol=1e-4, rtol=0)


def test_random_renderings_are_monotone_on_grey():
    sdr = render_random(ramp(), torch.Generator().manual_seed(3)).flatten(2)
    assert (sdr.diff(dim=-1) >= -1e-5).all()
    assert sdr[..., -1].min() > sdr[..., 0].max()


def test_warp_runs_from_0_to_1():
    values = random_warp(4, 0.5, torch.Generator().manual_seed(0))
    ends = warp(torch.tensor([0.0, 1.0]).expand(4, 1, 1, 2), values)
    torch.testing.assert_close(ends, torch.tensor([0.0, 1.0]).expand(4, 1, 1, 2))


def test_pairs_follow_the_generator():
    first, second, other = (render_pairs(masters(), torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.isfinite(first).all()
    assert first.min() >= 0
    assert first.max() <= 1


def test_operators_left_out_render_nothing():
    left = operators_without(("reinhard", "hard-clip"))
    assert set(left) == set(OPERATORS) - {"reinhard", "hard-clip"}
    names = {render_jittered(masters(1), torch.Generator().manual_seed(s), left)[1] for s in range(60)}
    assert names == set(left)


def test_leaving_nothing_out_changes_no_pair():
    first = render_pairs(masters(), torch.Generator().manual_seed(1))
    assert torch.equal(
        first, render_pairs(masters(), torch.Generator().manual_seed(1), operators=operators_without(()))
    )


def test_mistakes_in_what_is_left_out_are_named():
    with pytest.raises(UserError, match="no operator reinhart"):
        operators_without(("reinhart",))
    with pytest.raises(UserError, match="every operator"):
        operators_without(tuple(OPERATORS))


def test_bright_masters_are_placed_at_reference_white_more_often():
    shares = {}
    for nits in (20.0, 120.0):
        master = pq.inverse_eotf(torch.full((1, 3, 8, 8), nits))
        generator = torch.Generator().manual_seed(1)
        names = [render_outside(master, generator)[1] for _ in range(300)]
        shares[nits] = names.count("reference-white") / 300
    assert shares[20.0] == pytest.approx(0.25, abs=0.07)
    assert shares[120.0] == pytest.approx(0.55, abs=0.08)
