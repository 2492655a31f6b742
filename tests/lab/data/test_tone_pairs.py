"""Pairs of the tone predictor: what each rendering, overlay and exposure does to light, in stops and cd/m2."""

import numpy as np
import pytest
import torch

from lumaflux.color import bt1886, pq
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.lab.data.author_rendering import relit, render_author, render_hlg
from lumaflux.lab.data.damage import damaged
from lumaflux.lab.data.mastering import at_exposure, exposed
from lumaflux.lab.data.overlays import overlaid
from lumaflux.lab.data.tone_pairs import CAMERA, SIZE, PairRenderer, dimmed, needed_stops
from lumaflux.lab.data.tone_pool import FULL_SCALE, TonePictures, load_pool


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def nits(signal: torch.Tensor) -> torch.Tensor:
    return luminance(pq.eotf(signal), BT2020_LUMA)


@pytest.fixture(scope="module")
def pictures() -> list[TonePictures]:
    rows, columns = np.mgrid[0:144, 0:144] / 144
    light = 20 * 2 ** (4 * np.sin(7 * columns) * np.cos(5 * rows)) * np.ones((2, 3, 1, 1))
    hdr = np.rint(pq.inverse_eotf(light) * FULL_SCALE).astype(np.uint16)
    sdr = np.rint(255 * (0.5 + 0.4 * np.sin(9 * columns) * rows) * np.ones((2, 3, 1, 1))).astype(np.uint8)
    bright = np.rint(pq.inverse_eotf(np.minimum(1000.0, 2.0 * light)) * FULL_SCALE).astype(np.uint16)
    return [
        TonePictures("a/scene", "scene", "panorama", hdr, None),
        TonePictures("b/graded", "graded", "graded", hdr, None),
        TonePictures("c/pair", "pair", "pair", bright, sdr),
        TonePictures("d/photograph", "photograph", "photograph", None, sdr),
    ]


def test_a_bank_is_the_same_for_a_seed_and_holds_every_kind(pictures):
    renderer = PairRenderer(pictures)
    first, again = renderer.bank(60, 3), renderer.bank(60, 3)
    assert torch.equal(first.sdr, again.sdr)
    assert torch.equal(first.hdr.view(torch.int16), again.hdr.view(torch.int16))
    assert first.sdr.shape == (60, 3, SIZE, SIZE)
    assert set(first.sources) == {"a/scene", "b/graded", "c/pair", "d/photograph"}
    assert {"author", "pair"} < set(first.names)
    assert first.camera.tolist() == [float(name in CAMERA) for name in first.names]
    sdr, hdr, camera = first.draw(5, seeded())
    assert sdr.shape == hdr.shape == (5, 3, SIZE, SIZE)
    assert camera.shape == (5,)
    assert hdr.max() <= pq.inverse_eotf(torch.tensor(1001.0))


def test_an_author_s_gain_leaves_shadows_and_lifts_white(pictures):
    levels = torch.tensor([2.0**-6, 2.0**-2, 2.0**-0.5]).view(1, 1, 1, 3).expand(1, 3, 9, 3)
    found = torch.stack([torch.log2(nits(relit(levels, seeded(seed))) / 203 / levels[:, :1]) for seed in range(40)])
    shadow, middle, light = (found[..., tone].mean() for tone in range(3))
    assert -0.3 < shadow < 0.6
    assert 0.6 < middle < 1.6
    assert 1.2 < light < 2.4  # 1000 cd/m2 is the end


def test_an_author_s_rendering_is_darker_than_its_master_where_that_is_bright():
    master = pq.inverse_eotf(torch.tensor([1.0, 600.0]).repeat_interleave(20).view(1, 1, 1, 40).expand(1, 3, 40, 40))
    shown = torch.stack([nits(sdr_to_pq(render_author(master, seeded(seed))))[0, 0, 20] for seed in range(40)])
    low, high = shown[:, 2].log2().mean(), shown[:, -3].log2().mean()
    assert abs(low) < 0.5  # stops of 1 cd/m2
    assert -2.6 < high - np.log2(600.0) < -1.0


def test_hlg_shown_as_sdr_is_monotone_and_darker():
    ramp = pq.inverse_eotf(torch.linspace(1, 1000, 200)).view(1, 1, 1, 200).expand(1, 3, 1, 200)
    sdr = render_hlg(ramp, seeded())
    assert (sdr.diff(dim=-1) >= -1e-6).all()
    assert needed_stops(sdr, ramp) > 0.2


def test_exposures_of_nights_lie_below_those_of_snow(pictures):
    scene = torch.from_numpy(pictures[0].hdr[:1].astype("float32") / FULL_SCALE)
    generator, levels = seeded(), {}
    for name in ("some_night", "snow_field"):
        drawn = [nits(exposed(scene, name, generator)).log2().mean() for _ in range(200)]
        levels[name] = torch.stack(drawn).mean()
    assert 1.0 < levels["snow_field"] - levels["some_night"] < 2.2
    assert nits(at_exposure(scene, 8.0)).max() <= 1001


@pytest.mark.parametrize("seed", range(40))
def test_overlays_are_static_placement_and_leave_the_rest(seed: int):
    sdr, hdr = torch.full((1, 3, 72, 72), 0.4), torch.full((1, 3, 72, 72), 0.6)
    over, light = overlaid(sdr, hdr, seeded(seed))
    changed = (over != sdr).any(dim=1, keepdim=True) | (light != hdr).any(dim=1, keepdim=True)
    assert changed.any()
    placed = torch.where(changed, sdr_to_pq(over), hdr)
    torch.testing.assert_close(light, placed)
    assert nits(light)[changed].max() <= 203.01


def test_dimming_keeps_what_a_pair_needs():
    sdr = torch.rand(1, 3, 24, 24, generator=seeded()) * 0.5 + 0.4
    hdr = pq.inverse_eotf(2 * pq.eotf(sdr_to_pq(sdr)))
    low, high = dimmed(sdr, hdr, 2.0)
    torch.testing.assert_close(bt1886.eotf(low, white_nits=1.0), bt1886.eotf(sdr, white_nits=1.0) / 4)
    torch.testing.assert_close(needed_stops(low, high), torch.ones(1, 1), atol=1e-3, rtol=0)


def test_damage_is_small_and_in_8_bits():
    sdr = torch.linspace(0.2, 0.8, 72).view(1, 1, 1, 72).expand(1, 3, 72, 72)
    for seed in range(12):
        out = damaged(sdr, seeded(seed))
        assert (out - sdr).abs().mean() < 0.03
        torch.testing.assert_close(out * 255, (out * 255).round(), atol=1e-3, rtol=0)


def test_a_pool_that_is_missing_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match=r"lab\.data\.tone_pool"):
        load_pool(tmp_path)
