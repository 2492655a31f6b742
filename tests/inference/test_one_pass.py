"""Codes to codes in one pass, against the product's path in floats with the same weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from coded_pictures import coded, decoded
from PIL import Image, ImageDraw, ImageFont

import lumaflux
from lumaflux.color import pq
from lumaflux.color.ictcp import rgb_to_ictcp
from lumaflux.color.primaries import BT709_LUMA
from lumaflux.color.yuv420_rgb import Yuv420, rgb_from_yuv420
from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.inference import one_pass
from lumaflux.inference.active_area import WHOLE, Area
from lumaflux.inference.graphics import codes_of, luma_codes
from lumaflux.inference.highlights import LARGEST_RECOVERY
from lumaflux.inference.one_pass import available, render_codes
from lumaflux.inference.reduced_codes import sampled_codes
from lumaflux.media.metadata.light_levels import light_of_codes, light_of_frame
from lumaflux.media.video.coded_frame import CodedFrame
from lumaflux.media.video.reader import VideoReader
from lumaflux.media.video.ycbcr_planes import signal_of
from lumaflux.settings import Settings

pytestmark = pytest.mark.skipif(not available(), reason="installed without the native routines")

HEIGHT, WIDTH = 96, 160
EXAMPLE = Path(__file__).parents[2] / "examples" / "rooftop-sdr.mp4"


def picture(name: str) -> np.ndarray:
    """R'G'B' [3,H,W]: blocks of colour with grain, an evening sky without any, or a lamp in a dark room."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:HEIGHT, :WIDTH] / np.array([HEIGHT, WIDTH])[:, None, None]
    if name == "sky":
        return np.stack([0.25 + 0.2 * y, 0.35 + 0.15 * y + 0.02 * x, 0.6 - 0.1 * y])
    if name == "lamp":
        glow = np.exp(-((x - 0.4) ** 2 + (y - 0.5) ** 2) / 0.01)
        return np.clip(np.stack([0.1 + 1.3 * glow, 0.08 + 1.2 * glow, 0.06 + 1.0 * glow]), 0, 1)
    blocks = np.kron(rng.uniform(0.02, 0.9, (3, HEIGHT // 16, WIDTH // 16)), np.ones((1, 16, 16)))
    return np.clip(blocks + rng.normal(0, 0.02, blocks.shape), 0, 0.9)


def of_floats(converter, codes: Yuv420, settings: Settings, tone):
    rgb = decoded(codes)
    return yuv420p10(converter.render(rgb, settings, tone=tone))


def delta_e_itp(planes, others) -> np.ndarray:
    one, two = (rgb_to_ictcp(pq.eotf(signal_of(codes))) for codes in (planes, others))
    return 720 * np.sqrt((((one - two) * np.array([1.0, 0.5, 1.0])[:, None, None]) ** 2).sum(axis=0))  # BT.2124


@pytest.fixture(scope="module")
def converter():
    torch.set_num_threads(1)
    return lumaflux.load("lite", device="cpu")


def tone_for(converter, codes: Yuv420):
    rgb = decoded(codes)
    stops = torch.zeros(1, 1, 72, 120)
    stops[..., 20:50, 30:70] = 0.4 * LARGEST_RECOVERY
    return replace(converter.tone_of(rgb, area=WHOLE), stops=stops)


def passed(converter, codes: Yuv420, settings: Settings, tone, **named):
    """What the pass makes, where it applies."""
    made = render_codes(converter, codes, settings, tone, **named)
    assert made is not None
    return made


# Saturated blocks with noise are what a lattice does worst; of a bare sky and of the dark room around a lamp the
# difference is which way luma was rounded: a tenth of a ten-bit code added to the path in floats is as far from it.
@pytest.mark.parametrize(("name", "most"), [("blocks", 0.2), ("sky", 0.3), ("lamp", 0.2)])
def test_it_is_near_the_path_in_floats(converter, name: str, most: float):
    codes = coded(picture(name))
    tone = tone_for(converter, codes)
    made, stages = passed(converter, codes, Settings(), tone)
    expected = of_floats(converter, codes, Settings(), tone)
    off = delta_e_itp(made, expected)
    assert list(stages) == ["pixels"]
    assert off.mean() <= most
    assert np.percentile(off, 99) <= 2.1


def test_a_look_is_baked_where_nothing_is_recovered(converter):
    codes = coded(picture("blocks"))
    tone = replace(tone_for(converter, codes), stops=None)
    settings = Settings(target_peak=600, exposure=0.3, highlight_recovery=0.0)
    off = delta_e_itp(passed(converter, codes, settings, tone)[0], of_floats(converter, codes, settings, tone))
    assert off.mean() <= 0.35


def test_it_does_not_apply_where_the_network_or_a_look_over_highlights_is_asked(converter):
    codes = coded(picture("lamp"))
    tone = tone_for(converter, codes)
    assert render_codes(converter, codes, Settings(), replace(tone, stops=None)) is None
    assert render_codes(converter, codes, Settings(exposure=0.3), tone) is None
    assert render_codes(converter, codes, Settings(saturation=1.2), tone) is None
    assert render_codes(converter, codes, Settings(detail=0.5), tone) is None
    assert render_codes(converter, codes, Settings(temporal_stability=0.5), tone) is None
    assert render_codes(converter, codes, Settings(strength=0.0), tone) is None
    assert render_codes(converter, codes, Settings(highlight_recovery=0.0), replace(tone, stops=None)) is not None


@pytest.mark.parametrize("midway", [True, False])
@pytest.mark.parametrize(("step", "across"), [(1, 1), (3, 1), (6, 2), (97, 3)])
def test_samples_of_the_codes_are_those_of_the_picture(midway: bool, step: int, across: int):
    codes = coded(np.tile(picture("blocks")[:, :33, :47], (1, 7, 1)))._replace(midway=midway)
    siting = "left" if midway else "topleft"
    whole = rgb_from_yuv420(*codes[:3], bits=8, full_range=False, luma=BT709_LUMA, siting=siting)
    rows = torch.from_numpy(whole)[:, ::step, ::across]
    luma, darkest = sampled_codes(codes, step, across, 2)
    np.testing.assert_array_equal(luma, luma_codes(rows))
    np.testing.assert_array_equal(darkest, codes_of(rows.amin(dim=0)))


def barred(top: int, bottom: int) -> tuple[Yuv420, Area]:
    """Noisy blocks between black bars above ``top`` and from ``bottom`` on."""
    rgb = picture("blocks")
    rgb[:, :top], rgb[:, bottom:] = 0, 0
    return coded(rgb), Area(top=top / HEIGHT, bottom=bottom / HEIGHT)


def test_black_bars_stay_black_and_the_picture_between_them_is_that_of_floats(converter):
    codes, area = barred(12, 84)
    tone = replace(tone_for(converter, codes), area=area)
    made = passed(converter, codes, Settings(), tone)[0]
    assert all((plane[:6] == black).all() for plane, black in zip(made, (64, 512, 512), strict=True))
    assert all((plane[-6:] == black).all() for plane, black in zip(made, (64, 512, 512), strict=True))
    off = delta_e_itp(made, of_floats(converter, codes, Settings(), tone))
    assert off[16:80].mean() <= 0.3  # at the edges chroma of the path in floats is mixed with the bars'
    assert off[:9].max() == off[87:].max() == 0.0


def test_bars_with_letters_or_between_samples_of_chroma_go_through_a_picture(converter):
    codes, area = barred(12, 84)
    tone = tone_for(converter, codes)
    odd = replace(tone, area=Area(top=13 / HEIGHT, bottom=84 / HEIGHT))
    assert render_codes(converter, codes, Settings(), odd) is None
    codes.y[88:92, 40:60] = 200
    assert render_codes(converter, codes, Settings(), replace(tone, area=area)) is None
    codes.y[88:92, 40:60] = 16
    codes.cr[43, 20:30] = 133  # what a codec leaves beside a picture
    assert render_codes(converter, codes, Settings(), replace(tone, area=area)) is not None
    codes.cr[44:46, 20:30] = 160
    assert render_codes(converter, codes, Settings(), replace(tone, area=area)) is None


def subtitled() -> Yuv420:
    rgb = np.full((360, 640, 3), 90, np.uint8)
    drawn = Image.fromarray(rgb)
    font = ImageFont.load_default(size=24)
    ImageDraw.Draw(drawn).text((150, 300), "Nobody said it would be easy", fill=(252, 252, 252), font=font)
    return coded(np.moveaxis(np.asarray(drawn), -1, 0) / 255)


def test_letters_are_as_white_as_in_floats(converter):
    codes = subtitled()
    tone = tone_for(converter, codes)
    made, expected = passed(converter, codes, Settings(), tone)[0], of_floats(converter, codes, Settings(), tone)
    bright = passed(converter, codes, Settings(graphics_white="off"), tone)[0]
    letters = codes.y > 220
    assert letters.sum() > 500
    assert np.abs(made[0][letters].astype(int) - expected[0][letters]).mean() <= 1.0
    assert made[0][letters].mean() < bright[0][letters].mean() - 20  # of ten-bit codes
    assert delta_e_itp(made, expected).mean() <= 0.2
    torch.set_num_threads(6)
    again = passed(converter, codes, Settings(), tone)[0]
    torch.set_num_threads(1)
    assert all(np.array_equal(one, two) for one, two in zip(made, again, strict=True))
    assert render_codes(converter, codes, Settings(exposure=0.3, highlight_recovery=0.0), tone) is None


def test_a_frame_too_dark_for_letters_is_not_searched(converter, monkeypatch):
    codes = coded(picture("sky"))
    monkeypatch.setattr(one_pass, "sampled_codes", lambda *asked: pytest.fail("it was"))
    assert render_codes(converter, codes, Settings(), tone_for(converter, codes)) is not None


@pytest.mark.parametrize("size", [(96, 160), (95, 159), (17, 33)])
def test_any_number_of_threads_gives_the_same_codes(converter, size: tuple[int, int], monkeypatch):
    codes = coded(picture("lamp")[:, : size[0], : size[1]])
    tone = tone_for(converter, codes)
    made, asked, pq_codes = [], [], one_pass.lumaflux_native.pq_codes
    monkeypatch.setattr(
        one_pass.lumaflux_native, "pq_codes", lambda *given: asked.append(given[-1]) or pq_codes(*given)
    )
    for threads, alone in ((1, False), (6, False), (6, True)):
        torch.set_num_threads(threads)
        made.append(passed(converter, codes, Settings(), tone, alone=alone)[0])
    torch.set_num_threads(1)
    assert asked == [1, 3, 6]  # half of them are an encoder's, if it has work
    assert all(np.array_equal(one, other) for again in made[1:] for one, other in zip(made[0], again, strict=True))
    assert off_codes(made[0], of_floats(converter, codes, Settings(), tone)) <= 1.0


def test_nodes_that_no_chroma_lies_between_are_left_out_and_the_others_are_those_of_any_frame(converter):
    placement = tone_for(converter, coded(picture("blocks"))).placement
    sky = coded(picture("sky"))
    every = sky._replace(cb=np.array([[0, 255]], np.uint8), cr=np.array([[0, 255]], np.uint8))
    few, whole = (one_pass.lattice_of(placement, Settings(), codes) for codes in (sky, every))
    made = few.any(axis=(-2, -1))
    assert 0 < made.sum() < 0.3 * made.size
    assert whole.any(axis=(-2, -1)).all()
    np.testing.assert_array_equal(few[made], whole[made])
    native, held = one_pass.lumaflux_native, one_pass.Held.nothing()
    one, other = (
        native.pq_codes(*sky, nodes, one_pass.LUMA_END, np.zeros((0, 0), np.float32), *held[:3], 1)
        for nodes in (few, whole)
    )
    assert all(np.array_equal(mine, its) for mine, its in zip(one, other, strict=True))


def test_pixels_at_the_end_of_a_row_are_looked_up_as_those_in_its_midst(converter):
    codes = coded(picture("blocks"))
    nodes = one_pass.lattice_of(tone_for(converter, codes).placement, Settings(), codes)
    native, held, none = one_pass.lumaflux_native, one_pass.Held.nothing(), np.zeros((0, 0), np.float32)
    made, rows = [], np.broadcast_to(codes.y[:, :1], codes.y.shape)  # smoothed alike, wherever a row ends
    for width in (160, 159):  # four at a time; the last three one by one
        part = codes._replace(y=np.ascontiguousarray(rows[:, :width]))
        made.append(native.pq_codes(*part, nodes, one_pass.LUMA_END, none, *held[:3], 1)[0])
    np.testing.assert_array_equal(made[0][:, :159], made[1])


def off_codes(planes, others) -> float:
    return max(float(np.abs(one.astype(int) - two.astype(int)).mean()) for one, two in zip(planes, others, strict=True))


def test_frames_of_the_example_are_within_a_fifth_of_a_delta_e(converter):
    with VideoReader(EXAMPLE) as reader:
        frame = next(iter(reader.coded_frames(lambda number: number == 30)))
    assert isinstance(frame, CodedFrame)
    codes = frame.codes.planes
    sdr = torch.from_numpy(frame.sdr)[None]
    tone = converter.tone_of(frame.sdr, area=WHOLE, clipped=converter.clipped_shares(sdr))
    off = delta_e_itp(passed(converter, codes, Settings(), tone)[0], of_floats(converter, codes, Settings(), tone))
    assert off.mean() <= 0.1


def test_a_smooth_sky_stays_without_steps(converter):
    codes = coded(picture("sky"))
    luma = passed(converter, codes, Settings(), tone_for(converter, codes))[0][0].astype(int)
    assert np.abs(np.diff(luma[:, WIDTH // 2])).max() <= 3  # a code of the source is 3 to 4 here


def test_light_of_codes_is_that_of_the_picture_they_show(converter):
    codes = coded(picture("lamp"))
    planes = passed(converter, codes, Settings(), tone_for(converter, codes))[0]
    shown = light_of_frame(signal_of(planes))
    assert shown is not None
    (counts, largest, mean), (other_counts, other_largest, other_mean) = light_of_codes(planes), shown
    assert np.array_equal(counts, other_counts)
    assert list(largest) == pytest.approx(list(other_largest), abs=1e-6)
    assert mean == pytest.approx(other_mean, rel=1e-6)
