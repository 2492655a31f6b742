"""What the analysis sees of codes is what it sees of the picture."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lumaflux.color.primaries import BT709_LUMA
from lumaflux.color.ycbcr import code_scales, rgb_to_ycbcr, subsample_420, to_codes
from lumaflux.color.yuv420_rgb import Yuv420, rgb_from_yuv420
from lumaflux.inference.active_area import WHOLE, area_of, sighting_of
from lumaflux.inference.detail import reduce_to
from lumaflux.inference.reduced_codes import luma_of, reduced_rgb
from lumaflux.media.video.reader import VideoReader
from lumaflux.render.source import Source

EXAMPLE = Path(__file__).parents[2] / "examples" / "rooftop-sdr.mp4"
SIZE = (180, 320)


def coded(rgb: np.ndarray) -> Yuv420:
    ycc = rgb_to_ycbcr(rgb.astype(np.float32), BT709_LUMA)
    chroma = subsample_420(ycc[1:], "left")
    y = to_codes(np.stack([ycc[0]] * 3), 8, False)[0]
    cb, cr = to_codes(np.stack([chroma[0], *chroma]), 8, False)[1:]
    planes = (np.ascontiguousarray(plane, np.uint8) for plane in (y, cb, cr))
    return Yuv420(*planes, code_scales(8, False), BT709_LUMA, True)


def blocks() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.kron(rng.uniform(0.2, 0.8, (3, SIZE[0] // 20, SIZE[1] // 20)), np.ones((1, 20, 20)))


def picture_of(codes: Yuv420) -> torch.Tensor:
    return torch.from_numpy(rgb_from_yuv420(*codes[:3], bits=8, full_range=False, luma=BT709_LUMA, siting="left"))[None]


@pytest.mark.parametrize("pixels", [2304, 1 << 20])
def test_reduced_it_is_the_reduced_picture(pixels: int):
    codes = coded(blocks())
    expected = reduce_to(picture_of(codes), pixels)
    made = reduced_rgb(codes, luma_of(codes), pixels)
    assert made.shape == expected.shape
    off = (made - expected).abs()
    assert off.mean() <= (0.002 if pixels < 10_000 else 0.005)
    assert off.max() <= 0.01 or pixels > 10_000  # not reduced at all, chroma is brought to full size another way


def test_bars_are_seen_where_the_picture_has_them():
    barred = blocks()
    barred[:, :20] = barred[:, 160:] = 0.0
    codes = coded(barred)
    seen, expected = (area_of(sighting_of(each)) for each in (luma_of(codes).expand(3, -1, -1), picture_of(codes)[0]))
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
