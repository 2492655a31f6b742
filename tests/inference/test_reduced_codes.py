"""What the analysis sees of codes is what it sees of the picture."""

from pathlib import Path

import numpy as np
import pytest
import torch
from coded_pictures import coded, decoded

from lumaflux.color.primaries import BT709_LUMA
from lumaflux.color.ycbcr import code_scales
from lumaflux.color.yuv420_rgb import Yuv420, rgb_from_yuv420
from lumaflux.inference.active_area import WHOLE, area_of, sighting_of
from lumaflux.inference.detail import reduce_to, reduced_size
from lumaflux.inference.graphics import reduced_clipping
from lumaflux.inference.reduced_codes import (
    clipped_shares_of,
    native_reduction,
    reduced_reference,
    reduced_rgb,
    sighting_of_codes,
)
from lumaflux.media.video.reader import VideoReader
from lumaflux.render.source import Source

try:
    import lumaflux_native
except ImportError:
    lumaflux_native = None

EXAMPLE = Path(__file__).parents[2] / "examples" / "rooftop-sdr.mp4"
SIZE = (180, 320)


def blocks() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.kron(rng.uniform(0.2, 0.8, (3, SIZE[0] // 20, SIZE[1] // 20)), np.ones((1, 20, 20)))


def picture_of(codes: Yuv420) -> torch.Tensor:
    return torch.from_numpy(decoded(codes))[None]


@pytest.mark.parametrize("pixels", [2304, 1 << 20])
def test_reduced_it_is_the_reduced_picture(pixels: int):
    codes = coded(blocks())
    expected = reduce_to(picture_of(codes), pixels)
    made = reduced_rgb(codes, pixels)
    assert made.shape == expected.shape
    off = (made - expected).abs()
    assert off.mean() <= (0.002 if pixels < 10_000 else 0.005)
    assert off.max() <= 0.01 or pixels > 10_000  # not reduced at all, chroma is brought to full size another way


needs_native = pytest.mark.skipif(not native_reduction(), reason="needs the native routines")


def noise(height: int, width: int, *, midway: bool) -> Yuv420:
    rng = np.random.default_rng(1)
    half = (height + 1) // 2, (width + 1) // 2
    planes = (rng.integers(0, 256, size, np.uint8) for size in ((height, width + 6), half, half))
    y, cb, cr = planes
    return Yuv420(y[:, :width], cb, cr, code_scales(8, False), BT709_LUMA, midway)


@needs_native
@pytest.mark.parametrize("midway", [True, False])
@pytest.mark.parametrize(("height", "width"), [(181, 323), (90, 160), (7, 300), (1, 1), (2, 3)])
def test_natively_reduced_it_is_the_reference(height: int, width: int, midway: bool):
    codes = noise(height, width, midway=midway)
    for pixels in (500, 1 << 20):
        size = reduced_size(height, width, pixels)
        made = lumaflux_native.reduced_ycbcr(*codes, *size)
        assert np.abs(made - reduced_reference(codes, size)[0].numpy()).max() <= 1e-5
        shares = clipped_shares_of(codes, pixels)
        rgb = rgb_from_yuv420(
            *codes[:3], bits=8, full_range=False, luma=BT709_LUMA, siting="left" if midway else "topleft"
        )
        assert (shares - reduced_clipping(torch.from_numpy(rgb)[None], [], pixels)).abs().max() <= 1e-5


def test_bars_are_seen_where_the_picture_has_them():
    barred = blocks()
    barred[:, :20] = barred[:, 160:] = 0.0
    codes = coded(barred)
    seen, expected = area_of(sighting_of_codes(codes)), area_of(sighting_of(picture_of(codes)[0]))
    assert seen == expected
    assert seen != WHOLE


def test_frames_by_number_and_in_one_pass_have_the_same_codes():
    with VideoReader(EXAMPLE) as reader:
        passed = [frame.codes for frame in reader.coded_frames(lambda number: number in (3, 4))]
    numbered = [frame.codes for frame in Source(EXAMPLE).read([3, 4])]
    for one, two in zip(passed, numbered, strict=True):
        assert one is not None
        assert two is not None
        assert all(np.array_equal(a, b) for a, b in zip(one.planes[:3], two.planes[:3], strict=True))
