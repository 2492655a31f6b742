from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import lumaflux
from lumaflux.color import pq
from lumaflux.color.ictcp import delta_e_itp
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter
from lumaflux.inference.tiled_network import TiledNetwork, conditions_of, seen_from
from lumaflux.inference.tiles import Tile, Tiling, ramps, spans, tile_side, tiling_of
from lumaflux.media.video.reader import VideoReader
from lumaflux.model.latents import pack
from lumaflux.model.picture_norm import Share
from lumaflux.model.presets import FLUX_DEV, TINY_FLUX
from lumaflux.settings import Settings

CLIP = Path(__file__).parents[2] / "examples" / "rooftop-sdr.mp4"
GENERATED = Settings(detail=0.0)


@pytest.fixture(scope="module")
def tiny():
    return lumaflux.load("tiny-flux", device="cpu", tile="none")


@pytest.fixture(scope="module")
def lite():
    return lumaflux.load("lite", device="cpu", tile="none")


def tiled(converter, side):
    return Converter(converter.backend, tile=side)


def noise_picture(height, width, seed=0):
    return np.random.default_rng(seed).random((3, height, width), dtype=np.float32)


@given(st.integers(1, 300), st.integers(2, 64), st.fractions(0, 0.5), st.sampled_from([1, 2, 16]))
@example(34, 22, 0.5, 1)  # a stretch that three spans share
@settings(deadline=None, max_examples=500)
def test_spans_cover_a_side_and_their_weights_sum_to_one(length, size, share, scale):
    overlap = int(share * size)
    along = spans(length, size, overlap)
    assert along[0].start == 0
    assert along[-1].stop == length
    assert all(span.stop - span.start == min(size, length) for span in along)
    assert all(one.stop - two.start >= overlap for one, two in pairwise(along))
    total = torch.zeros(scale * length, dtype=torch.float64)
    for span, weight in zip(along, ramps(along, scale), strict=True):
        assert weight.min() >= 0
        total[scale * span.start : scale * span.stop] += weight
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(4, 16))
@settings(deadline=None)
def test_a_picture_cut_and_blended_is_the_picture(rows, columns, size):
    picture = torch.rand(1, 2, 2 * rows, 2 * columns, dtype=torch.float64)
    joined = Tiling((rows, columns), size, size // 4).blended(2, lambda tile: tile.of(picture, 2).clone())
    torch.testing.assert_close(joined, picture, rtol=0, atol=1e-12)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(4, 24))
@settings(deadline=None)
def test_what_tiles_own_is_the_frame_once(rows, columns, size):
    counted = torch.zeros(2 * rows, 2 * columns)
    for tile, (own_rows, own_columns) in Tiling((rows, columns), size, size // 4).owned():
        Share(rows=own_rows, columns=own_columns).of(tile.of(counted, 2)).add_(1)
    assert torch.equal(counted, torch.ones_like(counted))


@given(st.randoms())
def test_the_order_of_tiles_changes_nothing(random):
    tiling = Tiling((23, 37), 12, 3)
    made = {tile: torch.full((1, 2, *tile.grid), float(i), dtype=torch.float64) for i, tile in enumerate(tiling)}
    down, across = spans(23, 12, 3), spans(37, 12, 3)
    shuffled = torch.zeros(1, 2, 23, 37, dtype=torch.float64)
    for tile in random.sample(list(tiling), k=len(made)):
        weight = ramps(down)[down.index(tile.rows)][:, None] * ramps(across)[across.index(tile.columns)]
        tile.of(shuffled, 1).add_(weight * made[tile])
    torch.testing.assert_close(tiling.blended(1, lambda tile: made[tile]), shuffled, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (17, 31), (40, 56), (128, 128), (100, 160)])
def test_frames_no_larger_than_a_tile_are_untouched_bit_for_bit(tiny, size):
    frame = noise_picture(*size)
    np.testing.assert_array_equal(tiled(tiny, 128).convert(frame).hdr_pq, tiny.convert(frame).hdr_pq)


# Strips narrower than a token are tiled from 16384 pixels on, and cost a tile every 96 pixels of their length.
@pytest.mark.parametrize("size", [(3, 5501), (5501, 3), (131, 257), (255, 145), (16, 2048)])
def test_every_size_comes_back_as_it_went_in(tiny, size):
    converter = tiled(tiny, 128)
    assert isinstance(converter._path.network(torch.zeros(1, 3, *size)), TiledNetwork)
    result = converter.convert(noise_picture(*size))
    assert result.hdr_pq.shape == result.vae_pq.shape == (3, *size)
    assert np.isfinite(result.hdr_pq).all()
    assert result.hdr_pq.max() <= 0.751828


def test_a_tile_that_sees_every_token_has_the_velocity_of_the_whole(lite):
    model = lite.backend.network
    sdr = torch.from_numpy(noise_picture(96, 128))[None]
    tiling = Tiling((6, 8), 6, 2)
    with torch.inference_mode():
        conditions, z, t = model.condition(sdr), torch.randn(1, 32, 12, 16), torch.ones(1)
        expected = model.velocity(z, t, conditions)
        everything = torch.arange(48)
        part = conditions_of(conditions, everything, 48, 0.0)
        assert torch.equal(model.velocity(z, t, part), expected)
        # a doubled weight of keys is the key twice
        twice = conditions_of(conditions, torch.cat([everything, everything]), 48, float("-inf"))
        alone = model.token_velocity(*doubled(z, t), twice, model.psi(t))[:, :48]
        torch.testing.assert_close(
            alone, model.token_velocity(*single(z, t), conditions, model.psi(t)), rtol=0, atol=1e-5
        )
    assert len(list(tiling)) == 2


def single(z, t):
    return pack(z), t


def doubled(z, t):
    tokens, t = single(z, t)
    return torch.cat([tokens, tokens], dim=1), t


@given(st.integers(1, 60), st.integers(1, 60), st.integers(4, 24))
@settings(deadline=None)
def test_what_a_tile_sees_weighs_as_much_as_the_frame(rows, columns, size):
    tiling = Tiling((rows, columns), size, size // 4)
    for tile in tiling:
        seen, inside, bias = seen_from(tile, tiling)
        assert len(set(seen.tolist())) == len(seen)
        assert inside == tile.grid[0] * tile.grid[1]
        if len(seen) > inside:
            assert inside + (len(seen) - inside) * np.exp(bias) == pytest.approx(rows * columns)


def frame_of_clip(width):
    with VideoReader(CLIP) as reader:
        sdr = next(iter(reader.frames(lambda number: number == 0))).sdr
    height = width * sdr.shape[-2] // sdr.shape[-1]
    whole = torch.as_tensor(sdr)[None]
    return torch.nn.functional.interpolate(whole, (height, width), mode="bicubic", align_corners=False).clamp(0, 1)[0]


def seams(tiling, height, width):
    """True within 8 pixels of the middle of what two tiles share."""
    mask = torch.zeros(height, width, dtype=torch.bool)
    for side, along in enumerate(spans(n, tiling.size, tiling.overlap) for n in tiling.grid):
        for one, two in pairwise(along):
            middle = 8 * (one.stop + two.start)
            mask.narrow(side, middle - 8, min(16, mask.shape[side] - middle + 8)).fill_(True)
    return mask


@pytest.mark.slow
@pytest.mark.parametrize("side", [256, 384])
def test_lite_tiled_is_lite_untiled_without_seams(lite, side):
    sdr = frame_of_clip(800)
    whole, cut = lite.convert(sdr).hdr_pq, tiled(lite, side).convert(sdr).hdr_pq
    difference = delta_e_itp(pq.eotf(cut[None]), pq.eotf(whole[None]))[0]
    height, width = sdr.shape[-2:]
    seam = seams(tiling_of(height, width, side, 16), height, width)
    mean, at_seams, inside = (float(part.mean()) for part in (difference, difference[seam], difference[~seam]))
    print(f"{side}: mean {mean:.3f}, max {difference.max():.3f}, seams {at_seams:.3f}, interior {inside:.3f}")
    assert 0 < mean <= 1  # Delta-E-ITP 1 is just noticeable (BT.2124)
    assert at_seams <= 1.5  # two tiles' tones are averaged there: further from the untiled picture, and smooth
    # steps between neighbours across a seam are those of the untiled picture
    for axis in (1, 2):
        steps = (cut.diff(dim=axis) - whole.diff(dim=axis)).abs().mean(0)
        here = seam.narrow(axis - 1, 0, steps.shape[axis - 1])
        assert steps[here].mean() <= steps[~here].mean() + 0.25 / 1023  # a quarter of a ten-bit code


def test_render_takes_tiles_for_generated_detail_alone(tiny):
    frame = noise_picture(160, 208)
    cut = tiled(tiny, 128)
    assert not np.array_equal(cut.render(frame, GENERATED), tiny.render(frame, GENERATED))
    np.testing.assert_array_equal(cut.render(frame, GENERATED), cut.convert(frame).hdr_pq)


def test_the_same_frame_has_the_same_bits(tiny):
    frame, cut = noise_picture(160, 208), tiled(tiny, 128)
    first = cut.convert(frame).hdr_pq
    cut.convert(frame[:, ::-1].copy())
    np.testing.assert_array_equal(cut.convert(frame).hdr_pq, first)
    batch = cut.convert(np.stack([frame, frame[:, ::-1]])).hdr_pq
    np.testing.assert_allclose(batch[0], first, rtol=0, atol=1e-4)


def test_words_and_sides(lite):
    assert tile_side("none", TINY_FLUX) is None
    assert tile_side("300", TINY_FLUX) == 288
    assert tile_side(512, TINY_FLUX) == 512
    assert tile_side("auto", TINY_FLUX) is None  # a narrow autoencoder, which tiles do not help
    auto, wide = tile_side("auto", FLUX_DEV), tiling_of(1, 20000, 128, 16)
    assert auto is not None
    assert wide is not None
    assert 1 << 20 < auto**2 < 1.5 * (1 << 20)
    assert tiling_of(1080, 1920, 2048, 16) is None
    assert next(iter(wide)) == Tile(*(spans(1, 8, 2) + spans(1250, 8, 2)[:1]))
    for bad, says in (("big", "pixels a side"), ("64", "at least 128"), ("-5", "at least 128")):
        with pytest.raises(UserError, match=says):
            Converter(lite.backend, tile=bad)
