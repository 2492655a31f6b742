"""Letters and pages are found and stay at reference white; lamps, skies, snow, fences and branches are left alone."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

import lumaflux
from lumaflux.color import pq
from lumaflux.color.primaries import BT2020_LUMA, luminance
from lumaflux.inference.graphics import Graphics, find_graphics
from lumaflux.inference.text_lines import Rule, lumaflux_native, runs_of, runs_reference
from lumaflux.settings import Settings

HEIGHT, WIDTH = 360, 640
WORDS = "Where were you when it began?"


@pytest.fixture(scope="module")
def lite():
    return lumaflux.load("lite", device="cpu")


def scene(seed=0, brightness=0.6):
    """Patches of colour with grain, and a lamp that is clipped and glows."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(20, 235, (HEIGHT // 40 + 1, WIDTH // 40 + 1, 3)).astype(np.uint8)
    patches = np.asarray(Image.fromarray(low).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).astype(np.float64)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    lamp = 400 * np.exp(-((rows - 80) ** 2 + (columns - 500) ** 2) / 1500.0)
    noise = rng.normal(0, 2, (HEIGHT, WIDTH, 3))
    return Image.fromarray((brightness * patches + lamp[..., None] + noise).clip(0, 255).astype(np.uint8))


def written(picture, words=WORDS, *, size=24, at=(0.2, 0.85), colour=(235, 235, 235), outline=0, box=False):
    """A picture with a line of letters, and where their ink is."""
    picture, font = picture.copy(), ImageFont.load_default(size)
    ink = Image.new("L", picture.size, 0)
    place = (at[0] * picture.width, at[1] * picture.height)
    draw = ImageDraw.Draw(picture)
    if box:
        left, top, right, bottom = draw.textbbox(place, words, font=font)
        draw.rectangle((left - 8, top - 6, right + 8, bottom + 6), fill=(0, 0, 0))
    if outline:
        draw.text(place, words, fill=(0, 0, 0), font=font, stroke_width=outline)
    ImageDraw.Draw(ink).text(place, words, fill=255, font=font)
    picture.paste(colour, (0, 0), ink)
    return picture, np.asarray(ink) > 230


def page(ground=250):
    picture, font = Image.new("RGB", (WIDTH, HEIGHT), (ground,) * 3), ImageFont.load_default(16)
    draw = ImageDraw.Draw(picture)
    for row in range(14):
        draw.text((40, 12 + 24 * row), "The quick brown fox jumps over the lazy dog.", fill=(20, 20, 20), font=font)
    return picture, np.asarray(picture)[..., 0] == ground


def codes(picture):
    return torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).astype(np.float32) / 255)


def through_jpeg(picture, quality=85):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def shares(picture):
    found = find_graphics(codes(picture))
    return (
        np.zeros((picture.height, picture.width)) if found is None else found.map(*codes(picture).shape[1:])[0].numpy()
    )


def nits(hdr_pq):
    return luminance(pq.eotf(np.asarray(hdr_pq, np.float64)), BT2020_LUMA)[0]


STYLES = {
    "plain": {},
    "outlined": {"outline": 2},
    "yellow": {"colour": (250, 250, 60), "outline": 1},
    "boxed": {"box": True},
    "small": {"size": 16, "outline": 1},
    "large": {"size": 60, "words": "THE END", "at": (0.3, 0.4)},
}


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("style", STYLES)
def test_letters_are_found_and_little_else(style, coded):
    picture, ink = written(scene(), **STYLES[style])
    found = shares(through_jpeg(picture) if coded else picture)
    assert np.mean(found[ink] > 0.5) > 0.9
    rows, columns = np.nonzero(ink)
    beside = found.copy()
    beside[rows.min() - 12 : rows.max() + 13, columns.min() - 12 : columns.max() + 13] = 0
    assert np.mean(beside > 0.1) < 1e-3


@pytest.mark.parametrize("coded", [False, True])
def test_a_page_is_found_as_far_as_its_paper_reaches(coded):
    picture, white = page()
    found = shares(through_jpeg(picture) if coded else picture)
    assert np.mean(found[white] > 0.5) > 0.95
    whole = scene(2)
    window = picture.crop((0, 0, 440, 230))
    whole.paste(window, (60, 70))
    found = shares(through_jpeg(whole) if coded else whole)
    inside = np.zeros_like(white)
    inside[70:300, 60:500] = white[:230, :440]
    assert np.mean(found[inside] > 0.5) > 0.9
    outside = np.ones_like(white)
    outside[62:308, 52:508] = False
    assert np.mean(found[outside] > 0.1) < 3e-3  # the lamp touches the page


def snow(rng):
    picture = np.asarray(scene(1, 0.3)).copy()
    for row, column in zip(rng.integers(4, HEIGHT - 4, 400), rng.integers(4, WIDTH - 4, 400), strict=True):
        size = rng.integers(1, 5)
        picture[row : row + size, column : column + size] = rng.integers(190, 256)
    return picture


def windows(rng):
    """A house at night."""
    picture = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    for row in range(30, 330, 40):
        for column in range(40, 600, 36):
            if rng.random() < 0.6:
                picture[row : row + 22, column : column + 16] = rng.integers(190, 256)
    return picture


def fence(_):
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for column in range(20, 620, 24):
        picture[150:260, column : column + 9] = 255
    return picture


def branches(rng):
    picture = Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    for _ in range(120):
        start, end = rng.uniform(0, 1, (2, 2)) * (WIDTH, HEIGHT)
        draw.line((*start, *(start + 0.3 * (end - start))), fill=(40, 35, 30), width=int(rng.integers(1, 7)))
    return np.asarray(picture)


@pytest.mark.parametrize("draw", [snow, windows, fence, branches])
def test_light_that_is_no_letters_is_left_alone(draw):
    picture = Image.fromarray(draw(np.random.default_rng(3)))
    assert np.mean(shares(picture) > 0.1) < 2e-3
    assert np.mean(shares(through_jpeg(picture)) > 0.1) < 2e-3


@pytest.mark.parametrize("gap", [8, 20, 40])
@pytest.mark.parametrize("shape", ["ellipse", "rectangle", "rounded_rectangle"])
def test_a_shape_beside_letters_is_not_cut(shape, gap):
    picture, ink = written(Image.new("RGB", (WIDTH, HEIGHT), (150, 30, 20)), "0.4081", size=60, at=(0.4, 0.6))
    rows, columns = np.nonzero(ink)
    middle, right = (rows.min() + rows.max()) // 2, columns.min() - gap
    box = tuple(int(edge) for edge in (right - 80, middle - 36, right, middle + 36))
    getattr(ImageDraw.Draw(picture), shape)(box, fill=(250, 250, 250))
    found, beside = shares(picture), np.zeros_like(ink)
    beside[box[1] : box[3], box[0] : box[2]] = np.asarray(picture)[box[1] : box[3], box[0] : box[2], 2] == 250
    assert np.mean(found[ink] > 0.5) > 0.9
    assert np.ptp(found[beside]) < 0.1


@pytest.mark.parametrize("seed", range(4))
def test_pictures_without_graphics_have_none(seed):
    assert find_graphics(codes(scene(seed, 0.4 + 0.2 * seed))) is None


def test_graphics_of_some_rows_are_those_of_the_frame():
    found = Graphics(index=torch.tensor([1, 4, 7, 8, 14]), share=torch.tensor([0.1, 0.4, 0.7, 0.8, 1.0]))
    whole = found.map(5, 3)
    parts = [found.rows(top, min(top + 2, 5), 3).map(min(2, 5 - top), 3) for top in (0, 2, 4)]
    assert torch.equal(torch.cat(parts, dim=1), whole)


def test_letters_are_paper_white_and_the_lamp_beside_them_stays(lite):
    picture, ink = written(scene(), outline=2, colour=(255, 255, 255))
    sdr = codes(picture).numpy()
    kept, free = (nits(lite.render(sdr, Settings(graphics_white=word))) for word in ("auto", "off"))
    assert free[ink].max() > 250
    assert kept[ink].max() < 204
    lamp = (slice(60, 100), slice(480, 520))
    assert kept[lamp].max() > 250
    np.testing.assert_allclose(kept[:200], free[:200], rtol=0.02)  # the letters clip, too, and the model saw them


def test_light_rises_with_the_code_along_a_letter_s_edge(lite):
    """No rim: antialiased pixels lie between what is beside and the letter, in the order of their codes."""
    picture, _ = written(Image.new("RGB", (WIDTH, HEIGHT), (60, 60, 60)), size=40, colour=(255, 255, 255))
    sdr = codes(picture).numpy()
    light = nits(lite.render(sdr))
    order = np.argsort(sdr[0].ravel(), kind="stable")
    risen = light.ravel()[order]
    assert (np.maximum.accumulate(risen) - risen).max() < 0.03 * risen.max()
    assert risen.max() < 204


@pytest.mark.skipif(not hasattr(lumaflux_native, "stroke_runs"), reason="installed without a compiler")
@pytest.mark.parametrize("rule", [Rule(184, 255), Rule(0, 71)])
@pytest.mark.parametrize("width", [1, 5, 31, 640])
def test_runs_have_the_bits_of_their_reference(rule: Rule, width: int):
    rng = np.random.default_rng(width)
    rows = [np.asarray(written(scene(seed), outline=seed)[0].convert("L")) for seed in range(2)]
    rows += [rng.integers(0, 256, (50, WIDTH), np.uint8), np.full((3, WIDTH), 200, np.uint8)]
    luma = np.ascontiguousarray(np.concatenate(rows)[:, :width])
    darkest = np.minimum(luma, rng.integers(150, 256, luma.shape, np.uint8))
    for reach in (6, 30):
        mine, reference = (find(luma, darkest, rule, reach) for find in (runs_of, runs_reference))
        assert len(reference.row) > (1000 if width == WIDTH else -1)
        for name, values in vars(reference).items():
            np.testing.assert_array_equal(getattr(mine, name), values, err_msg=name)


def test_letters_do_not_flicker_while_the_picture_moves():
    wide, found = np.asarray(scene(4).resize((2 * WIDTH, HEIGHT))), []
    for frame in range(6):
        moved = Image.fromarray(wide[:, 40 * frame : 40 * frame + WIDTH])
        picture, ink = written(moved, outline=1)
        found.append(shares(through_jpeg(picture))[ink])
    assert np.mean(np.ptp(found, axis=0) < 0.25) > 0.95


def test_nothing_is_invented_on_graphics(lite):
    picture, ink = written(scene(), outline=2, colour=(255, 255, 255))
    mask = lite.invented(codes(picture).numpy())[0]
    assert mask[ink].max() < 0.1
    assert mask[70:90, 490:510].min() == 1.0
    assert lite.invented(codes(picture).numpy(), Settings(graphics_white="off"))[0][ink].max() > 0.5


def test_a_batch_is_its_frames():
    pictures = [codes(written(scene(), outline=1)[0]), codes(scene(1))]
    model = lumaflux.load("tiny", device="cpu")
    whole = model.render(torch.stack(pictures))
    for one, alone in zip(whole, pictures, strict=True):
        torch.testing.assert_close(one, model.render(alone), rtol=0, atol=1e-4)


def card(kind):
    """A title card of 360 lines, and where its shapes beside the letters are."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (2, 2, 6) if kind == "blue" else (0, 0, 0))
    draw, shapes = ImageDraw.Draw(picture), Image.new("L", picture.size, 0)
    colour = {"white": (255, 255, 255), "blue": (250, 250, 250), "red": (255, 20, 10)}[kind]
    for target, fill in ((draw, colour), (ImageDraw.Draw(shapes), 255)):
        target.ellipse((270, 60, 370, 160), outline=fill, width=6)
        target.rectangle((300, 90, 340, 130), fill=fill)
        target.line((180, 300, 460, 300), fill=fill, width=3)
    draw.text((200, 200), "STUDIO", fill=(255, 255, 255), font=ImageFont.load_default(48))
    draw.text((180, 262), "presents a picture by somebody", fill=(235, 235, 235), font=ImageFont.load_default(18))
    return picture, np.asarray(shapes) > 0


@pytest.mark.parametrize("kind", ["white", "blue", "red"])
@pytest.mark.parametrize("quality", [None, 80])
def test_shapes_beside_the_letters_of_a_title_card_are_graphics(kind, quality):
    picture, shapes = card(kind)
    found = shares(picture if quality is None else through_jpeg(picture, quality))
    assert float((found[shapes] > 0.5).mean()) > 0.85
    assert not found[:40].any()


def test_a_lamp_beside_a_subtitle_in_the_dark_is_none():
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    lamp = 600 * np.exp(-(((rows - 80) ** 2 + (columns - 500) ** 2) / 900.0))
    night = Image.fromarray(np.stack([lamp] * 3, -1).clip(0, 255).astype(np.uint8))
    picture, ink = written(night)
    found = shares(picture)
    assert float((found[ink] > 0.8).mean()) > 0.8
    assert not found[40:120, 460:540].any()
