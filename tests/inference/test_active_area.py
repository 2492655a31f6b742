"""Black bars are found without learning, dark scenes are not bars, and bars change nothing of the picture in them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

import lumaflux
from lumaflux.color import pq
from lumaflux.inference.active_area import WHOLE, Area, area_of, find_area, in_frame, sighting_of, without_bars

HEIGHT, WIDTH = 180, 320


@pytest.fixture(scope="module")
def lite():
    return lumaflux.load("lite", device="cpu")


def scene(seed=0, height=HEIGHT, width=WIDTH, brightness=1.0):
    """Smooth patches of light with grain, codes [3,H,W] of uint8; no line of it is straight or black."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(20, 235, (3, height // 20 + 1, width // 20 + 1))
    patches = np.stack([np.asarray(Image.fromarray(c).resize((width, height), Image.Resampling.BICUBIC)) for c in low])
    return np.clip(brightness * (patches + rng.normal(0, 3, (3, height, width))), 0, 255).astype(np.uint8)


def barred(picture, box, level=0):
    rows, columns = box
    framed = np.full_like(picture, level)
    framed[:, rows, columns] = picture[:, rows, columns]
    return framed


def tensor(codes):
    return torch.from_numpy(np.ascontiguousarray(codes)).float() / 255


def through_jpeg(codes, quality=75):
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(codes.transpose(1, 2, 0))).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).transpose(2, 0, 1)


BOXES = {
    "letterbox": (slice(23, 157), slice(0, WIDTH)),
    "pillarbox": (slice(0, HEIGHT), slice(40, 280)),
    "windowbox": (slice(20, 160), slice(35, 285)),
    "upright": (slice(0, HEIGHT), slice(109, 211)),
    "one side": (slice(0, 150), slice(0, WIDTH)),
    "uneven": (slice(9, 140), slice(0, WIDTH)),
}


@pytest.mark.parametrize("level", [0, 16])
@pytest.mark.parametrize("name", BOXES)
def test_exact_bars_are_found_to_the_line(name, level):
    picture = barred(scene(), BOXES[name], level)
    assert find_area(tensor(picture)).box(HEIGHT, WIDTH) == BOXES[name]


@pytest.mark.parametrize("level", [0, 16])
@pytest.mark.parametrize("name", BOXES)
def test_bars_that_a_codec_disturbed_are_found_to_two_lines(name, level):
    found = find_area(tensor(through_jpeg(barred(scene(1), BOXES[name], level)))).box(HEIGHT, WIDTH)
    for own, wanted in zip(found, BOXES[name], strict=True):
        assert abs(own.start - wanted.start) <= 2
        assert abs(own.stop - wanted.stop) <= 2


@pytest.mark.parametrize("brightness", [1.0, 0.3, 0.12])
@pytest.mark.parametrize("seed", range(5))
def test_pictures_without_bars_have_none_however_dark(seed, brightness):
    picture = scene(seed, brightness=brightness)
    assert find_area(tensor(picture)) == WHOLE
    assert find_area(tensor(through_jpeg(picture))) == WHOLE


def test_shadows_and_black_frames_are_no_bars():
    picture = scene()
    slope = np.arange(WIDTH) // 4
    for column, depth in enumerate(slope):
        picture[:, : 20 + depth, column] = 0  # a dark roof that ends at another line in every column
    assert find_area(tensor(picture)) == WHOLE
    assert find_area(torch.zeros(3, HEIGHT, WIDTH)) == WHOLE
    assert find_area(torch.full((3, HEIGHT, WIDTH), 16 / 255)) == WHOLE
    window = barred(np.full((3, HEIGHT, WIDTH), 255, np.uint8), (slice(62, 118), slice(110, 210)))
    assert find_area(tensor(window)) == WHOLE  # a patch of a tenth, as of a test chart


def test_what_is_written_in_bars_hides_none():
    picture = barred(scene(), BOXES["letterbox"])
    picture[:, 6:14, 10:50] = 200  # a logo
    for left in range(70, 250, 6):
        picture[:, 164:172, left : left + 3] = 235  # letters of a subtitle
    assert find_area(tensor(picture)).box(HEIGHT, WIDTH) == BOXES["letterbox"]


def test_the_frames_of_a_shot_have_the_smallest_bars_that_any_of_them_shows():
    light, dark = barred(scene(), BOXES["letterbox"]), barred(scene(brightness=0.0), BOXES["letterbox"])
    night = barred(scene(2), (slice(60, 157), slice(0, WIDTH)))  # the picture's own upper part is black
    seen = [sighting_of(tensor(picture)) for picture in (dark, night, light)]
    assert area_of(seen[0]) == WHOLE
    assert area_of(seen[1].with_(seen[0]).with_(seen[2])).box(HEIGHT, WIDTH) == BOXES["letterbox"]
    assert area_of(seen[2].with_(sighting_of(tensor(scene(3))))) == WHOLE
    assert sighting_of(tensor(scene(3))).unbarred
    assert not seen[0].unbarred


def test_a_reduced_frame_has_the_same_area():
    area = find_area(tensor(barred(scene(), BOXES["windowbox"])))
    assert area.box(HEIGHT // 2, WIDTH // 2) == (slice(10, 80), slice(18, 142))  # 35 of 320 is half a column in 160
    assert area.of(torch.zeros(1, 3, 1, 1)).shape == (1, 3, 1, 1)


@pytest.mark.parametrize("level", [0, 16])
def test_bars_become_black_and_what_is_written_in_them_reference_white(level):
    rng = np.random.default_rng(0)
    rows, columns = BOXES["windowbox"]
    picture = barred(scene(), (rows, columns), level).astype(int)
    picture[:, :20] += rng.integers(-2 if level else 0, 3, (3, 20, WIDTH))
    picture[:, 5:15, 50:90] = 235 if level else 255
    sdr = tensor(picture.astype(np.uint8))[None]
    area = Area(top=20 / HEIGHT, bottom=160 / HEIGHT, left=35 / WIDTH, right=285 / WIDTH)
    cleaned = without_bars(sdr, area)
    assert torch.equal(area.of(cleaned), area.of(sdr))
    lit = torch.full((1, 3, 140, 250), 0.7)
    framed = in_frame(lit, cleaned, area)
    assert torch.equal(area.of(framed), lit)
    nits = pq.eotf(framed)
    text = nits[0, :, 5:15, 50:90]
    assert 140 <= float(text.min()) <= float(text.max()) <= 203.5
    nits[0, :, 5:15, 50:90] = 0
    nits[0, :, rows, columns] = 0
    assert float(nits.max()) < 1e-3  # cd/m2


@pytest.mark.parametrize("level", [0, 16])
@pytest.mark.parametrize("name", ["letterbox", "pillarbox", "windowbox"])
def test_the_model_makes_the_same_of_a_picture_with_bars_as_without(lite, name, level):
    rows, columns = BOXES[name]
    picture = barred(scene(), (rows, columns), level)
    alone = lite.render(tensor(picture[:, rows, columns]))
    framed = lite.render(tensor(picture)).clone()
    assert torch.equal(framed[:, rows, columns], alone)
    framed[:, rows, columns] = 0
    assert float(pq.eotf(framed).max()) < 1e-3


@pytest.mark.parametrize("level", [0, 16])
def test_bars_that_a_codec_disturbed_move_the_exposure_by_less_than_a_twentieth_of_a_stop(lite, level):
    rows, columns = BOXES["letterbox"]
    picture = through_jpeg(barred(scene(), (rows, columns), level), 85)

    def stops(codes, inner):
        return float(torch.log2(pq.eotf(lite.render(tensor(codes)))[:, inner].clamp(min=0.01)).mean())

    assert abs(stops(picture, slice(30, 150)) - stops(picture[:, rows], slice(7, 127))) <= 0.05


def test_pictures_of_several_films_in_one_batch_are_as_alone(lite):
    one, other = scene(), barred(scene(1), BOXES["letterbox"])
    both = lite.render(torch.stack([tensor(one), tensor(other)]))
    assert torch.equal(both[1], lite.render(tensor(other)))


@pytest.mark.parametrize("level", [0, 16])
@pytest.mark.parametrize("first", [20, 60, 90])
def test_lines_of_credits_are_no_picture_below_a_bar(level, first):
    picture = Image.new("RGB", (WIDTH, HEIGHT), (level,) * 3)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    for top in range(first, HEIGHT - 16, 22):
        draw.text((8, top), "MADE WITH THE SUPPORT OF A FILM FUND", fill=(250, 250, 250), font=font)
    assert find_area(tensor(np.asarray(picture).transpose(2, 0, 1))) == WHOLE


def test_bars_of_a_dark_picture_with_a_bright_upper_edge_are_found():
    rows = slice(23, 157)
    dark = scene(brightness=0.1)
    dark[:, 23:40] = scene(1)[:, 23:40]
    found = find_area(tensor(barred(dark, (rows, slice(0, WIDTH)))))
    assert found.box(HEIGHT, WIDTH) == (rows, slice(0, WIDTH))
