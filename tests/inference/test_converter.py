import numpy as np
import pytest
import torch

import lumaflux
from lumaflux.color import pq
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.errors import UserError
from lumaflux.inference.converter import Converter, RenderHooks
from lumaflux.lab.evaluation import measures, signals
from lumaflux.model.latents import pad_to_multiple
from lumaflux.settings import Settings

GENERATED = Settings(detail=0.0)


@pytest.fixture(scope="module")
def converter():
    return lumaflux.load("tiny", device="cpu")


@pytest.fixture(scope="module")
def frame():
    return np.random.default_rng(0).random((3, 40, 56), dtype=np.float32)


@pytest.mark.parametrize("size", [(1, 1), (17, 31), (16, 16), (33, 8)])
def test_every_size_comes_back_as_it_went_in(converter, size):
    result = converter.convert(np.full((3, *size), 0.5, dtype=np.float32))
    assert result.hdr_pq.shape == result.vae_pq.shape == (3, *size)
    assert result.hdr_pq.dtype == np.float32
    assert np.isfinite(result.hdr_pq).all()
    assert result.hdr_pq.max() <= 0.751828


def test_type_and_batch_follow_the_input(converter, frame):
    tensor = converter.convert(torch.from_numpy(frame)[None])
    assert isinstance(tensor.hdr_pq, torch.Tensor)
    assert tensor.hdr_pq.shape == (1, 3, 40, 56)
    np.testing.assert_array_equal(tensor.hdr_pq[0].numpy(), converter.convert(frame).hdr_pq)


def test_timings_and_knots(converter, frame):
    result = converter.convert(frame)
    assert set(result.timings) == {"condition", "sample", "decode_latents", "tone_field"}
    assert result.knots.x.shape == (1, 9)


def test_bypass_decodes_what_the_bridge_begins_at(converter, frame):
    bypass = Converter(converter.backend, bypass=True)
    model, sdr = converter.backend.network, torch.from_numpy(frame)[None]
    with torch.inference_mode():
        z_start = model.encode(model.start(pad_to_multiple(sdr, converter.config.token_stride), None))
        expected = model.decode_latents(z_start)[0, :, :40, :56].numpy()
    made = bypass.convert(frame)
    np.testing.assert_array_equal(made.vae_pq, expected)
    assert np.abs(made.vae_pq - converter.convert(frame).vae_pq).max() > 1e-3


def test_same_frame_same_pixels_in_any_order(converter, frame):
    first = converter.convert(frame).hdr_pq
    converter.convert(frame[:, ::-1].copy())
    np.testing.assert_array_equal(converter.convert(frame).hdr_pq, first)


def test_steps_and_noise_are_used(converter, frame):
    one, three = converter.convert(frame, steps=1), converter.convert(frame, steps=3)
    assert not np.array_equal(one.hdr_pq, three.hdr_pq)
    silent = converter.convert(frame, noise=np.zeros((1, 4, 6, 8), dtype=np.float32))
    assert not np.array_equal(silent.hdr_pq, converter.convert(frame).hdr_pq)
    assert not np.array_equal(converter.convert(frame, seed=1).hdr_pq, converter.convert(frame).hdr_pq)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 8, 8), dtype=np.float32), "shape"),
        (np.zeros((3, 0, 8), dtype=np.float32), "shape"),
        (np.zeros((3, 8, 8), dtype=np.uint8), "floating point"),
        (np.full((3, 8, 8), np.nan, dtype=np.float32), "NaN"),
    ],
)
def test_bad_frames_are_named(converter, bad, message):
    with pytest.raises(UserError, match=message):
        converter.convert(bad)


def test_bad_noise_is_named(converter, frame):
    with pytest.raises(UserError, match="latents"):
        converter.convert(frame, noise=np.zeros((1, 4, 2, 2), dtype=np.float32))


@pytest.mark.parametrize("options", [{"device": "cuda:99"}, {"dtype": "fp16", "device": "cpu"}, {"dtype": "int8"}])
def test_unavailable_device_or_precision(options):
    with pytest.raises(UserError):
        lumaflux.load("tiny", **options)


def test_unknown_model_names_the_known():
    with pytest.raises(UserError, match="lite"):
        lumaflux.load("no-such-model")


def test_flux_without_weights_says_where_they_go(tmp_path):
    with pytest.raises(UserError, match="adapter"):
        lumaflux.load("flux-dev")
    with pytest.raises(UserError, match=r"siglip is missing.*lumaflux models get siglip"):
        lumaflux.load("flux-dev", adapters=tmp_path / "a.safetensors", backbone=tmp_path)


def test_generated_detail_is_the_papers_path(converter, frame):
    np.testing.assert_array_equal(converter.render(frame, GENERATED), converter.convert(frame).hdr_pq)


def test_strength_blends_in_pq(converter, frame):
    model, placed = converter.render(frame), sdr_to_pq(frame)
    np.testing.assert_allclose(converter.render(frame, Settings(strength=0.0)), placed, atol=1e-6)
    half = converter.render(frame, Settings(strength=0.5))
    np.testing.assert_allclose(half, 0.5 * (model + placed), atol=1e-6)


def test_target_peak_leaves_light_below_white_untouched(converter, frame):
    base = pq.eotf(converter.render(frame))
    for peak in (400.0, 4000.0):
        moved = pq.eotf(converter.render(frame, Settings(target_peak=peak)))
        below = base.max(axis=0) <= 203.0
        np.testing.assert_allclose(moved[:, below], base[:, below], rtol=2e-3, atol=1e-3)
        assert moved.max() <= peak * 1.001


def test_saturation_zero_is_grey_and_reference_white_scales(converter, frame):
    grey = converter.render(frame, Settings(saturation=0.0))
    assert np.abs(grey - grey.mean(axis=0)).max() < 2e-3
    base, double = pq.eotf(converter.render(frame)), pq.eotf(converter.render(frame, Settings(reference_white=400.0)))
    dark = base.max(axis=0) < 100
    np.testing.assert_allclose(double[:, dark], base[:, dark] * 400 / 203, rtol=5e-3, atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (17, 31), (90, 160)])
def test_source_detail_at_any_size(converter, size):
    rendered = converter.render(np.random.default_rng(1).random((3, *size), dtype=np.float32))
    assert rendered.shape == (3, *size)
    assert np.isfinite(rendered).all()
    assert 0 <= rendered.min() <= rendered.max() <= 1


def test_large_frames_are_reduced_for_the_model_alone(monkeypatch):
    from dataclasses import replace

    backend = lumaflux.load("tiny", device="cpu").backend
    monkeypatch.setattr(backend, "config", replace(backend.config, working_pixels=64 * 48))
    converter = Converter(backend)
    seen = []
    encode = converter.backend.network.encode
    monkeypatch.setattr(
        converter.backend.network, "encode", lambda picture: seen.append(picture.shape) or encode(picture)
    )
    fine = np.random.default_rng(2).random((3, 240, 320), dtype=np.float32)
    rendered = converter.render(fine, Settings(highlight_recovery=0.0))
    assert seen == [(1, 3, 48, 64)]
    source = np.abs(np.diff(sdr_to_pq(fine))).mean()
    assert np.abs(np.diff(rendered)).mean() > 0.7 * source  # the texture of 320 pixels, not of 64


def test_detail_blends_between_its_ends(converter, frame):
    ends = [converter.render(frame, Settings(detail=d)) for d in (0.0, 1.0)]
    np.testing.assert_allclose(
        converter.render(frame, Settings(detail=0.25)), 0.75 * ends[0] + 0.25 * ends[1], atol=1e-5
    )


@pytest.mark.parametrize("detail", [0.0, 1.0])
def test_a_frame_is_cancelled_between_steps(converter, frame, detail):
    steps = []

    def on_step():
        steps.append(None)
        if len(steps) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        converter.render_timed(frame, Settings(detail=detail, steps=5), RenderHooks(on_step=on_step))
    assert len(steps) == 2


def test_grey_stays_grey_whatever_the_network_makes(converter):
    ramp = signals.neutral_ramp(96, 32)
    assert measures.chroma(converter.convert(ramp).hdr_pq).max() > 50  # of a random network
    for recovery in (0.0, 1.0):
        assert measures.chroma(converter.render(ramp, Settings(highlight_recovery=recovery))).max() < 0.5
