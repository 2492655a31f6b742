"""What the effect writes: the engine's pixels, where the host wants them, and nothing anywhere else."""

import numpy as np
import pytest
from host_pictures import DEPTHS, Picture, blank
from host_process import OK

from lumaflux.options import ModelOptions
from lumaflux.service.parameters import RenderParameters
from lumaflux.service.renderer import Renderer
from lumaflux.settings import Settings

CODE = 1 / 65535
STATIC = {"strength": 0.0}  # without a model: the same arithmetic here and in the worker, to the last bit


def engine_pixels(pixels, *, premultiplied=False, draft=False, settings=None, **parameters):
    """What the engine makes of a frame, called in this process."""
    how = RenderParameters(settings=Settings(**(settings or {})), model="tiny", **parameters)
    return (
        Renderer(ModelOptions(device="cpu")).render_frame(pixels, how, premultiplied=premultiplied, draft=draft).pixels
    )


def as_depth(frame, depth, components=4):
    """Float pixels as a host of that depth has them."""
    kind, _ = DEPTHS[depth]
    pixels = frame[..., :components]
    return (
        (pixels * np.iinfo(kind).max).round().astype(kind) if np.issubdtype(kind, np.integer) else pixels.astype(kind)
    )


def codes(pixels):
    return pixels.astype(np.float64) * (65535 / np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 65535)


@pytest.mark.parametrize("components", [4, 3])
@pytest.mark.parametrize("depth", DEPTHS)
def test_the_model_s_pixels_in_every_depth(host, frame, convert, depth, components):
    pixels = as_depth(frame, depth, components)
    got = convert(host, pixels)
    expected = engine_pixels(pixels)
    # one code of 16 bits, or of the depth where that is coarser
    coarse = {"float": 1, "short": 1, "byte": 257, "half": 65535 * 2**-11}[depth]
    assert np.abs(codes(got) - codes(expected))[..., :3].max() <= coarse
    np.testing.assert_array_equal(got[..., 3:], pixels[..., 3:])


@pytest.mark.parametrize("depth", DEPTHS)
def test_without_a_model_every_bit_is_the_engine_s(host, frame, convert, depth):
    host.do("set", instance="a", values=STATIC)
    pixels = as_depth(frame, depth)
    np.testing.assert_array_equal(convert(host, pixels), engine_pixels(pixels, settings=STATIC))


@pytest.mark.parametrize("top_first", [False, True])
@pytest.mark.parametrize("padding", [0, 48])
@pytest.mark.parametrize("corner", [(0, 0), (-7, 13)])
@pytest.mark.parametrize("depth", ["float", "byte"])
def test_rows_lie_as_the_host_says(host, frame, depth, corner, padding, top_first):
    host.do("set", instance="a", values=STATIC)
    pixels = as_depth(frame, depth)
    source = Picture(pixels, corner=corner, padding=padding, top_first=top_first)
    target = blank(pixels, corner=corner, padding=2 * padding, top_first=not top_first)
    before = bytes(target.memory)
    assert host.render("a", source, target)["status"] == OK
    np.testing.assert_array_equal(target.pixels, engine_pixels(pixels, settings=STATIC))
    assert target.untouched(before, (slice(None), slice(None)))


def test_only_the_render_window_is_written(host, frame):
    host.do("set", instance="a", values=STATIC)
    target = blank(frame, corner=(10, 20))
    before = bytes(target.memory)
    assert host.render("a", Picture(frame, corner=(10, 20)), target, window=[15, 22, 40, 30])["status"] == OK
    window = slice(37 - 10, 37 - 2), slice(5, 30)  # rows 22 to 29 of 20 to 56, from the top
    np.testing.assert_array_equal(target.pixels[window], engine_pixels(frame, settings=STATIC)[window])
    assert target.untouched(before, window)


def test_a_window_beyond_the_picture_is_cut_to_it(host, frame, convert):
    host.do("set", instance="a", values=STATIC)
    expected = engine_pixels(frame, settings=STATIC)
    np.testing.assert_array_equal(convert(host, frame, window=[-100, -100, 1000, 1000]), expected)
    target = blank(frame)
    before = bytes(target.memory)
    assert host.render("a", Picture(frame), target, window=[100, 100, 120, 120])["status"] == OK
    assert target.untouched(before)


def test_a_target_that_reaches_beyond_the_source_is_black_and_clear_there(host, frame):
    host.do("set", instance="a", values=STATIC)
    large = np.zeros((50, 70, 4), np.float32)
    target = blank(large, corner=(-4, -6), top_first=True)
    assert host.render("a", Picture(frame, corner=(0, 0)), target)["status"] == OK
    rows, columns = slice(50 - 6 - 37, 50 - 6), slice(4, 4 + 52)
    expected = np.zeros_like(large)
    expected[rows, columns] = engine_pixels(frame, settings=STATIC)
    np.testing.assert_array_equal(target.pixels, expected)


def test_a_target_inside_the_source_gets_its_part(host, frame):
    host.do("set", instance="a", values=STATIC)
    target = blank(frame[:10, :20], corner=(5, 7))
    assert host.render("a", Picture(frame), target)["status"] == OK
    np.testing.assert_array_equal(target.pixels, engine_pixels(frame, settings=STATIC)[20:30, 5:25])


@pytest.mark.parametrize(("source", "target"), [(4, 3), (3, 4)])
def test_components_may_differ(host, frame, source, target):
    host.do("set", instance="a", values=STATIC)
    pixels = frame[..., :source]
    picture = blank(frame[..., :target])
    assert host.render("a", Picture(pixels), picture)["status"] == OK
    np.testing.assert_array_equal(picture.pixels[..., :3], engine_pixels(pixels, settings=STATIC)[..., :3])
    assert (picture.pixels[..., 3:] == 1.0).all()


@pytest.mark.parametrize(
    ("field", "odd"),
    [("OfxFieldLower", False), ("OfxFieldUpper", True), ("OfxFieldBoth", None), ("OfxFieldNone", None)],
)
def test_a_field_is_every_second_row(host, frame, field, odd):
    host.do("set", instance="a", values=STATIC)
    target = blank(frame, corner=(0, 1))
    before = bytes(target.memory)
    assert host.render("a", Picture(frame, corner=(0, 1)), target, field=field)["status"] == OK
    # rows of the plane count upwards from 1, the lowest; row 0 would be of the lower field
    wanted = [r for r in range(37) if odd is None or ((37 - 1 - r + 1) % 2 == 1) == odd]
    expected = engine_pixels(frame, settings=STATIC)
    np.testing.assert_array_equal(target.pixels[wanted], expected[wanted])
    assert target.untouched(before, (wanted, slice(None)))


@pytest.mark.parametrize("premultiplied", [True, False, None])
def test_premultiplied_colour_is_honoured(host, frame, premultiplied):
    host.do("set", instance="a", values=STATIC)
    pixels = frame.copy()
    pixels[..., 3] = np.linspace(0.05, 1.0, 52, dtype=np.float32)
    if premultiplied:
        pixels[..., :3] *= pixels[..., 3:]
    target = blank(pixels)
    assert host.render("a", Picture(pixels, premultiplied=premultiplied), target)["status"] == OK
    expected = engine_pixels(pixels, premultiplied=bool(premultiplied), settings=STATIC)
    np.testing.assert_array_equal(target.pixels, expected)
    straight = engine_pixels(pixels, settings=STATIC)
    assert (np.abs(expected - straight).max() > 0.1) == bool(premultiplied)


def test_a_proxy_is_a_frame_like_any_other(host, frame, convert):
    got = codes(convert(host, frame, scale=0.5))[..., :3]
    assert np.abs(got - codes(engine_pixels(frame))[..., :3]).max() <= 1


def test_a_draft_costs_little_and_keeps_its_size(host, frame, convert):
    for how in ({"draft": True}, {"thumbnail": True}, {"draft": True, "scale": 0.5}):
        got = codes(convert(host, frame, **how))[..., :3]
        assert np.abs(got - codes(engine_pixels(frame, draft=True))[..., :3]).max() <= 1
        assert np.abs(got - codes(engine_pixels(frame))[..., :3]).max() > 100


def test_numbers_that_are_no_light_come_out_finite(host, frame, convert):
    wild = frame.copy()
    wild[0, :, :3] = np.nan
    wild[1, :, 0], wild[1, :, 1] = np.inf, -np.inf
    wild[2, :, :3] = -3.0
    wild[3, :, :3] = 1e30
    wild[4] = 0.0  # alpha 0
    for values in (STATIC, {"strength": 1.0}):
        host.do("set", instance="a", values=values)
        got = convert(host, wild)
        assert np.isfinite(got).all()
        assert ((got[..., :3] >= 0.0) & (got[..., :3] <= 1.0)).all()
        np.testing.assert_array_equal(got[..., 3], wild[..., 3])


def test_alpha_that_is_no_number_is_carried_bit_by_bit(host, frame, convert):
    wild = frame.copy()
    wild[0, 0, 3], wild[0, 1, 3], wild[0, 2, 3] = np.nan, -np.inf, -0.0
    got = convert(host, wild)
    np.testing.assert_array_equal(
        np.ascontiguousarray(got[..., 3]).view(np.uint32), wild[..., 3].copy().view(np.uint32)
    )


def test_every_look_and_space_reaches_the_engine(host, frame, convert, choice):
    settings = {"strength": 0.7, "target_peak": 2000.0, "reference_white": 150.0, "saturation": 1.3, "seed": 5}
    host.do("set", instance="a", values=settings)
    for space, output, view in [
        ("srgb", "hlg-bt2020", "result"),
        ("acescg", "linear-bt2020", "split"),
        ("bt709-bt1886", "pq-bt2020", "false-colour"),
    ]:
        chosen = {"input_space": space, "output_space": output, "view": view}
        host.do("set", instance="a", values={name: choice(name, value) for name, value in chosen.items()})
        expected = engine_pixels(frame, settings=settings, **chosen)
        np.testing.assert_allclose(convert(host, frame)[..., :3], expected[..., :3], rtol=1e-4, atol=CODE)


def test_values_are_those_of_the_frame_s_time(host, frame, convert):
    host.do("set", instance="a", values={**STATIC, "reference_white": [[0, 203.0], [10, 300.0]]})
    for time, white in [(12, 300.0), (3, 203.0)]:
        expected = engine_pixels(frame, settings={**STATIC, "reference_white": white})
        np.testing.assert_array_equal(convert(host, frame, time=time), expected)


def test_an_animation_that_overshoots_is_held_in_its_range(host, frame, convert):
    host.do("set", instance="a", values={"strength": -0.4, "reference_white": 9999.0})
    expected = engine_pixels(frame, settings={"strength": 0.0, "reference_white": 400.0})
    np.testing.assert_array_equal(convert(host, frame), expected)
