import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lumaflux
from lumaflux.color import pq
from lumaflux.color.false_colour import SCALE
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.color.spaces import from_nits, to_nits
from lumaflux.errors import UserError
from lumaflux.inference.load import load_named
from lumaflux.inference.weights import rendering_identity
from lumaflux.options import ModelOptions
from lumaflux.service import renderer as module
from lumaflux.service.parameters import INPUT_SPACES, OUTPUT_SPACES, RenderParameters
from lumaflux.service.renderer import ModelError, Renderer, in_output_space, sdr_of
from lumaflux.settings import Settings

CODE = 1 / 65535
CPU = ModelOptions(device="cpu")
TINY = RenderParameters(model="tiny")


@pytest.fixture(scope="module")
def converter():
    return lumaflux.load("tiny", device="cpu")


@pytest.fixture
def renderer(converter):
    made = Renderer(CPU)
    identity = rendering_identity(made.options_of("tiny"))
    made._loaded = identity, converter, "tiny"  # loading takes a second, and is tested once
    return made


def planar(pixels):
    return np.ascontiguousarray(pixels[..., :3].transpose(2, 0, 1))


@pytest.mark.parametrize("detail", [0.0, 0.6, 1.0])
def test_pixels_are_those_of_the_converter(renderer, converter, frame, detail):
    settings = Settings(detail=detail, strength=0.9, target_peak=1500.0, steps=3)
    rendered = renderer.render_frame(frame, replace(TINY, settings=settings))
    np.testing.assert_allclose(planar(rendered.pixels), converter.render(planar(frame), settings), rtol=0, atol=CODE)
    np.testing.assert_array_equal(rendered.pixels[..., 3], frame[..., 3])


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535), (np.float16, 1)])
def test_every_depth_is_the_converter_s_picture_to_its_own_code(renderer, converter, frame, dtype, full):
    pixels = np.round(frame * full).astype(dtype) if full > 1 else frame.astype(dtype)
    rendered = renderer.render_frame(pixels, TINY).pixels
    expected = converter.render((planar(pixels).astype(np.float64) / full).astype(np.float32), Settings())
    assert rendered.dtype == dtype
    step = 0.5 / full if full > 1 else 2**-11  # half a code; of a half float below 1, half its last place
    np.testing.assert_allclose(planar(rendered).astype(np.float64) / full, expected, rtol=0, atol=step + CODE)


def test_strength_zero_is_the_static_placement_and_needs_no_model(frame):
    parameters = RenderParameters(settings=Settings(strength=0.0, reference_white=150.0), model="no-such-model")
    rendered = Renderer().render_frame(frame, parameters).pixels
    np.testing.assert_allclose(planar(rendered), sdr_to_pq(planar(frame), 150.0), rtol=0, atol=CODE)


def test_bypass_hands_on_every_bit(frame):
    frame[0, 0] = np.nan
    np.testing.assert_array_equal(Renderer().render_frame(frame, replace(TINY, bypass=True)).pixels, frame)


@pytest.mark.parametrize("space", OUTPUT_SPACES)
def test_output_spaces_show_the_same_light(renderer, frame, space):
    result = planar(renderer.render_frame(frame, TINY).pixels)
    shown = planar(renderer.render_frame(frame, replace(TINY, output_space=space)).pixels)
    nits = pq.eotf(result)
    if space == "hlg-bt2020":  # scene light ends at 1, which bright saturated colours reach below 1000 cd/m2
        inside = shown.max(axis=0) < 0.999
        assert inside.mean() > 0.5
        np.testing.assert_allclose(to_nits(shown, space)[:, inside], nits[:, inside], rtol=2e-3, atol=2e-3)
        assert shown.max() <= 1
    elif space == "pq-p3d65":  # ends at the gamut of P3
        inside = shown.min(axis=0) > 1e-3
        assert inside.mean() > 0.5
        np.testing.assert_allclose(to_nits(shown, space)[:, inside], nits[:, inside], rtol=2e-3, atol=2e-3)
    else:
        inside = shown.min(axis=0) > 1e-6 if space == "pq-p3d65" else np.ones(shown.shape[1:], bool)  # of its gamut
        assert inside.mean() > 0.9
        np.testing.assert_allclose(to_nits(shown, space)[:, inside], nits[:, inside], rtol=1e-4, atol=2e-3)


def test_relative_output_has_its_one_at_the_reference_white():
    white = pq.inverse_eotf(np.full((3, 1, 1), 300.0, np.float32))
    np.testing.assert_allclose(in_output_space(white, "acescg", 300.0), 1, rtol=1e-4)


@pytest.mark.parametrize("space", INPUT_SPACES)
def test_the_same_light_in_any_input_space_is_the_same_sdr(space):
    sdr = np.random.default_rng(3).uniform(0.05, 0.95, (3, 8, 8)).astype(np.float32)
    values = from_nits(to_nits(sdr.astype(np.float64), "bt709-bt1886", 1.0), space, 1.0).astype(np.float32)
    np.testing.assert_allclose(sdr_of(values, space), sdr, rtol=0, atol=2e-4)


@pytest.mark.parametrize("space", INPUT_SPACES)
def test_no_value_of_an_input_makes_a_broken_sdr(space):
    values = np.array([-65504, -1, -0.0, 0, 1e-30, 1, 65504, 3e38, -3e38], np.float32)
    planes = np.stack(np.meshgrid(values, values, values)).reshape(3, 27, 27)
    sdr = sdr_of(planes, space)
    assert sdr.dtype == np.float32
    assert np.isfinite(sdr).all()
    assert 0 <= sdr.min() <= sdr.max() <= 1


def test_frames_with_nan_infinity_negatives_and_no_alpha_render(renderer, frame):
    frame[0, :, 0], frame[1, :, 1], frame[2, :, 2], frame[3] = np.nan, np.inf, -np.inf, -1e20
    frame[4, :, 3], frame[5, :, 3] = 0, np.nan
    for premultiplied in (False, True):
        rendered = renderer.render_frame(frame, TINY, premultiplied=premultiplied).pixels
        assert np.isfinite(rendered[..., :3]).all()
        np.testing.assert_array_equal(rendered[..., 3], frame[..., 3])
        assert not premultiplied or not rendered[4, :, :3].any()


def test_a_hit_is_bit_equal_and_serves_every_view_and_space(renderer, frame):
    first = renderer.render_frame(frame, TINY)
    again = renderer.render_frame(frame.copy(), TINY)
    assert (first.cached, again.cached) == (False, True)
    np.testing.assert_array_equal(again.pixels, first.pixels)
    linear = replace(TINY, output_space="acescg", view="split")
    hit = renderer.render_frame(frame, linear)
    assert hit.cached
    renderer.cache.clear()
    fresh = renderer.render_frame(frame, linear)
    assert not fresh.cached
    np.testing.assert_array_equal(hit.pixels, fresh.pixels)


def test_what_changes_the_frame_misses(renderer, frame):
    renderer.render_frame(frame, TINY)
    other = frame.copy()
    other[-1, -1, 0] += 1e-6
    assert not renderer.render_frame(other, TINY).cached
    assert not renderer.render_frame(frame[:, ::-1], TINY).cached
    assert not renderer.render_frame(frame[..., :3].copy(), TINY).cached
    assert not renderer.render_frame(frame, replace(TINY, input_space="srgb")).cached
    assert not renderer.render_frame(frame, replace(TINY, settings=Settings(seed=1))).cached
    assert not renderer.render_frame(frame, TINY, premultiplied=True).cached
    assert not renderer.render_frame(frame, TINY, draft=True).cached


def test_the_cache_is_bounded(converter, frame):
    one = 3 * 36 * 48 * 4
    renderer = Renderer(CPU, cache_bytes=3 * one)
    settings = [Settings(strength=0.0, reference_white=white) for white in (100.0, 120.0, 140.0, 160.0, 180.0)]
    for each in settings:
        renderer.render_frame(frame, RenderParameters(settings=each))
        assert renderer.cache.held_bytes <= 3 * one
    hits = [renderer.render_frame(frame, RenderParameters(settings=each)).cached for each in reversed(settings[2:])]
    assert hits == [True] * 3


def test_a_changed_model_directory_is_another_model(tmp_path):
    """Every byte counts: not the size, and not the times that a copy may keep."""
    config = tmp_path / "config.json"
    config.write_text("{ }")
    before, times = rendering_identity(ModelOptions(model=str(tmp_path))), config.stat()
    assert rendering_identity(ModelOptions(model=f"{tmp_path}/.")) == before
    config.write_text("{\n}")
    os.utime(config, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert rendering_identity(ModelOptions(model=str(tmp_path))) != before


def test_one_model_is_in_memory_and_another_replaces_it(tmp_path, monkeypatch):
    loads = []

    def tiny(options):
        loads.append(options.model)
        return load_named(replace(options, model="tiny"))

    monkeypatch.setattr("lumaflux.inference.load.load_named", tiny)
    renderer = Renderer(CPU)
    assert not renderer.ready
    for name in ("tiny", "tiny", "lite", "tiny"):
        renderer.load(name)
    assert loads == ["tiny", "lite", "tiny"]
    assert renderer.ready


def test_a_model_that_cannot_be_loaded_is_named_and_the_next_one_works(converter, frame):
    renderer = Renderer(CPU)
    with pytest.raises(ModelError, match="unknown model 'nope'"):
        renderer.render_frame(frame, RenderParameters(model="nope"))
    assert not renderer.ready
    renderer.render_frame(frame, TINY)


def test_a_draft_takes_one_step_on_a_small_frame(renderer, monkeypatch):
    seen = []
    converter = renderer.load("tiny")
    render_timed = converter.render_timed

    def spy(sdr, settings, hooks, **how):
        seen.append((tuple(sdr.shape), settings.steps))
        return render_timed(sdr, settings, hooks, **how)

    monkeypatch.setattr(converter, "render_timed", spy)
    monkeypatch.setattr(module, "DRAFT_PIXELS", 600)
    pixels = np.random.default_rng(5).random((60, 90, 3), dtype=np.float32)
    drafted = renderer.render_frame(pixels, replace(TINY, settings=Settings(steps=50)), draft=True)
    assert drafted.pixels.shape == pixels.shape
    assert seen == [((3, 20, 30), 1)]


def test_a_step_may_end_a_rendering_and_nothing_is_cached(renderer, frame):
    def stop():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        renderer.render_frame(frame, TINY, on_step=stop)
    assert len(renderer.cache) == 0
    assert not renderer.render_frame(frame, TINY).cached


@pytest.mark.parametrize(
    "said", ["CUDA out of memory. Tried to allocate", "DefaultCPUAllocator: can't allocate memory"]
)
def test_too_little_memory_is_told_from_a_bug(renderer, frame, monkeypatch, said):
    def fail(*_, **__):
        raise RuntimeError(said)

    monkeypatch.setattr(renderer.load("tiny"), "render_timed", fail)
    with pytest.raises(MemoryError):
        renderer.render_frame(frame, TINY)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (0, 4, 3)])
def test_other_shapes_are_named(shape):
    with pytest.raises(UserError, match="shape"):
        Renderer().render_frame(np.zeros(shape, np.float32), TINY)


def flat(level, size=(16, 24)):
    return np.full((*size, 4), level, np.float32)


def placed(**settings):
    return RenderParameters(settings=Settings(strength=0.0, **settings))


def test_split_shows_the_placed_source_left_and_the_result_right(renderer, frame):
    view = planar(renderer.render_frame(frame, replace(TINY, view="split")).pixels)
    result = planar(renderer.render_frame(frame, TINY).pixels)
    np.testing.assert_allclose(view[..., :24], sdr_to_pq(planar(frame))[..., :24], atol=CODE)
    np.testing.assert_array_equal(view[..., 24:], result[..., 24:])


def test_false_colour_shows_the_colour_of_the_light(renderer):
    view = planar(renderer.render_frame(flat(1.0), replace(placed(), view="false-colour")).pixels)
    expected = np.array(dict(SCALE)[203.0], np.float32).reshape(3, 1, 1) / 255
    shown = from_nits(pq.eotf(view), "srgb", 203.0)
    np.testing.assert_allclose(shown[:, :1, :1], expected, atol=3 / 255)


def test_the_gain_map_of_no_gain_is_the_middle_grey_and_brighter_is_lighter(renderer, frame):
    none = planar(renderer.render_frame(frame, replace(placed(), view="gain-map")).pixels)
    np.testing.assert_allclose(none, sdr_to_pq(np.full_like(none, 0.5)), atol=CODE)
    lit = replace(TINY, view="gain-map")
    view = planar(renderer.render_frame(frame, lit).pixels)
    result = pq.eotf(planar(renderer.render_frame(frame, TINY).pixels))
    weights = np.array([0.2627, 0.6780, 0.0593])[:, None, None]
    source = (weights * pq.eotf(sdr_to_pq(planar(frame)))).sum(axis=0)
    stops = np.log2(((weights * result).sum(axis=0) + 0.5) / (source + 0.5))
    np.testing.assert_allclose(
        view[0], sdr_to_pq(np.repeat((0.5 + stops / 8).clip(0, 1)[None], 3, axis=0))[0], atol=2e-4
    )


def test_clipped_areas_are_red_and_the_rest_is_grey(renderer):
    pixels = flat(0.5)
    pixels[:, 12:, :3] = 1.0
    view = planar(renderer.render_frame(pixels, replace(placed(), view="clipped")).pixels)
    np.testing.assert_allclose(view[:, 8, 2], view[0, 8, 2], atol=CODE)
    assert view[0, 8, 21] > view[1, 8, 21] + 0.1


def test_the_truth_matte_is_a_view_and_costs_one_rendering(renderer, frame):
    """Without strength all is measured: red. The model `tiny` lights everything: blue. Both stay in the cache."""
    red = planar(renderer.render_frame(frame, replace(placed(), view="confidence")).pixels)
    np.testing.assert_allclose(from_nits(pq.eotf(red), "srgb", 203.0)[:, 3, 3], [1, 0, 0], atol=0.02)
    shown = renderer.render_frame(frame, replace(TINY, view="confidence"))
    blue = sdr_to_pq(np.eye(3, dtype=np.float32)[2][:, None, None])
    np.testing.assert_allclose(planar(shown.pixels), np.broadcast_to(blue, (3, *frame.shape[:2])), atol=0.03)
    assert renderer.render_frame(frame, replace(TINY, view="confidence")).cached


def test_memory_that_was_given_back_costs_a_new_loading_and_no_pixel(renderer):
    pixels = np.random.default_rng(5).random((24, 32, 3), dtype=np.float32)
    how = RenderParameters(model="tiny")
    before = renderer.render_frame(pixels, how).pixels
    assert renderer.model == "tiny"
    renderer.free()
    assert (renderer.ready, renderer.model, renderer.backend, len(renderer.cache)) == (False, "", "", 0)
    again = renderer.render_frame(pixels, how)
    assert not again.cached
    np.testing.assert_array_equal(again.pixels, before)


@pytest.mark.slow
def test_a_picture_of_half_the_size_is_the_same_picture():
    """A host's proxy against the whole frame made smaller: less than one 10-bit code apart, its gradients kept."""
    import av

    def halved(picture):
        return picture.reshape(picture.shape[0] // 2, 2, picture.shape[1] // 2, 2, 3).mean((1, 3))

    with av.open(str(Path(__file__).parents[2] / "examples" / "rooftop-sdr.mp4")) as clip:
        picture = next(clip.decode(video=0)).to_ndarray(format="rgb24").astype(np.float32) / np.float32(255)
    whole = picture.repeat(2, 0).repeat(2, 1)
    made = Renderer(CPU)
    wanted = halved(made.render_frame(whole, RenderParameters()).pixels)
    proxy = made.render_frame(halved(whole), RenderParameters()).pixels
    assert np.abs(proxy - wanted).mean() * 876 < 1
    gradients = [float(np.abs(np.diff(found, axis=1)).mean()) for found in (proxy, wanted)]
    assert gradients[0] / gradients[1] > 0.95
