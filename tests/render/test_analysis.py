"""`lumaflux analyze`: shots and tones of a clip; one pass, deterministic, the same whatever is rendered later."""

import itertools
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from PIL import Image

import lumaflux
from lumaflux.errors import UserError
from lumaflux.inference.active_area import WHOLE
from lumaflux.inference.highlights import LARGEST_RECOVERY
from lumaflux.inference.tone_track import read_track, text_of
from lumaflux.render import Job, convert
from lumaflux.render.analysis import KEY_INTERVAL, check_clip, track_of
from lumaflux.render.source import Source
from lumaflux.render.tones import ToneRequest, analyze
from lumaflux.settings import Settings


@pytest.fixture(scope="module")
def converter():
    loaded = lumaflux.load("tiny", device="cpu")
    head = loaded.backend.network.adapters.tone.head[-1]  # zero at initialisation: every frame would have one curve
    torch.nn.init.normal_(head.weight, std=3.0, generator=torch.Generator().manual_seed(0))
    return loaded


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "clip.bin"
    path.write_bytes(b"a clip")
    return path


def pictures(levels, seed=0):
    rng = np.random.default_rng(seed)
    texture = 0.1 * rng.standard_normal((3, 32, 48))
    return [np.clip(level + texture, 0, 1).astype(np.float32) for level in levels]


def test_shots_have_keys_of_their_own(converter, source):
    levels = [0.2] * 30 + [0.7] + [0.4] * 14
    track = track_of(pictures(levels), converter, Settings(), source, "tiny")
    assert [(shot.first, shot.last) for shot in track.shots] == [(0, 29), (30, 30), (31, 44)]
    keys = [[key.frame for key in shot.keys] for shot in track.shots]
    assert keys == [[0, 12, 24, 29], [30], [31, 36, 44]]
    assert all(b - a <= KEY_INTERVAL for shot in keys for a, b in itertools.pairwise(shot))


@pytest.mark.parametrize("lights", [False, True])
def test_key_frames_in_batches_have_the_tones_that_they_have_alone(converter, source, monkeypatch, lights):
    frames = pictures([0.2] * 20 + [0.7] + [0.4] * 4)
    for frame in frames[18:23]:
        frame[:, 12:15, 16:20] = 1.0
    monkeypatch.setattr(type(converter), "recovers", property(lambda self: lights))
    alone = track_of(frames, converter, Settings(), source, "tiny")
    sizes, find = [], converter.tone_of
    monkeypatch.setattr(converter, "tone_of", lambda batch, *a, **k: sizes.append(len(batch)) or find(batch, *a, **k))
    monkeypatch.setattr(converter, "key_batch", 4)
    together = track_of(frames, converter, Settings(), source, "tiny")
    assert max(sizes) == 4
    assert sum(sizes) == len({key.frame for shot in alone.shots for key in (*shot.keys, *shot.lights)})
    for one, other in zip(alone.shots, together.shots, strict=True):
        assert [key.frame for key in one.keys] == [key.frame for key in other.keys]
        assert [light.frame for light in one.lights] == [light.frame for light in other.lights]
        for number in (one.first, one.last):
            a, b = one.tone_at(number), other.tone_at(number)
            torch.testing.assert_close(a.knots.y, b.knots.y, rtol=0, atol=1e-5)
            if lights:
                torch.testing.assert_close(a.stops, b.stops, rtol=0, atol=1.01 * LARGEST_RECOVERY / 255)  # a code


@pytest.mark.parametrize("levels", [[0.5], [0.0] * 3, [0.1, 0.9], [0.9] * 5 + [0.0]])
def test_short_black_and_flashing_clips_have_a_tone_at_every_frame(converter, source, levels):
    frames = pictures(levels)
    track = track_of(frames, converter, Settings(), source, "tiny")
    assert track.clip.frames == len(levels)
    for number, frame in enumerate(frames):
        assert np.isfinite(converter.render(frame, tone=track.tone_at(number))).all()


def test_a_steady_shot_takes_one_tone_and_a_cut_takes_another(converter, source):
    track = track_of(pictures([0.2] * 13 + [0.8] * 13), converter, Settings(), source, "tiny")
    for frame in range(13):
        torch.testing.assert_close(track.tone_at(frame).knots.y, track.tone_at(0).knots.y)
    own = converter.tone_of(pictures([0.8])[0]).knots.y
    torch.testing.assert_close(track.tone_at(13).knots.y, own)


def test_the_own_tone_of_a_frame_changes_nothing(converter):
    frame = pictures([0.4])[0]
    assert np.array_equal(converter.render(frame, tone=converter.tone_of(frame)), converter.render(frame))


def test_another_tone_changes_the_frame(converter):
    dark, bright = pictures([0.2, 0.7])
    assert not np.array_equal(converter.render(dark, tone=converter.tone_of(bright)), converter.render(dark))


def test_analysis_repeats_itself_to_the_bit(converter, source):
    frames = pictures(np.linspace(0.2, 0.5, 20))
    one, two = (track_of(iter(frames), converter, Settings(), source, "tiny") for _ in range(2))
    assert one == two


def test_a_clip_without_frames_is_refused(converter, source):
    with pytest.raises(UserError, match="no frames"):
        track_of([], converter, Settings(), source, "tiny")


def test_a_track_of_another_file_is_refused(converter, source, tmp_path):
    track = track_of(pictures([0.5]), converter, Settings(), source, "tiny")
    check_clip(track, source)
    other = tmp_path / "other.bin"
    other.write_bytes(b"another")
    with pytest.raises(UserError, match="another file"):
        check_clip(track, other)


def test_a_real_clip_is_analyzed_whole(converter):
    example = Path(__file__).parents[2] / "examples" / "rooftop-sdr.mp4"
    seen = []
    asked = ToneRequest(converter=converter, model="tiny", settings=Settings(steps=1))
    track = analyze(Source(example), asked, lambda done, total: seen.append(done))
    assert track.clip.frames == len(seen) == 72
    assert [(shot.first, shot.last) for shot in track.shots] == [(0, 71)]


def scene(seed):
    """Still patches [3,32,48] in [0.2,0.8]."""
    low = np.random.default_rng(seed).uniform(0.2, 0.8, (3, 8, 8)).astype(np.float32)
    return np.kron(low, np.ones((1, 4, 6), np.float32))


def mixed(one, other, frames):
    shares = (np.arange(frames, dtype=np.float32) + 1) / (frames + 1)
    return [(1 - share) * one + share * other for share in shares]


def test_held_frames_beside_a_dissolve_have_the_tone_that_they_have_alone(converter, source):
    one, other = scene(0), scene(1)
    track = track_of([one] * 26 + mixed(one, other, 16) + [other] * 26, converter, Settings(), source, "tiny")
    assert len(track.shots) == 3
    first, last = track.shots[1].first, track.shots[1].last
    assert abs(first - 26) <= 1
    assert abs(last - 41) <= 1
    for picture, frames in ((one, (0, 13, first - 1)), (other, (last + 1, 55, 67))):
        own = converter.tone_of(picture).knots.y
        for frame in frames:
            torch.testing.assert_close(track.tone_at(frame).knots.y, own, atol=1e-5, rtol=0)
    curves = torch.stack([track.tone_at(frame).knots.y[0] for frame in range(68)])
    steps = (curves[1:] - curves[:-1]).abs().amax(1)
    assert float(steps.max()) <= 1.5 / 14 * float((curves[-1] - curves[0]).abs().max())


def test_a_fade_through_black_keeps_the_tones_of_what_fades(converter, source):
    one, other = scene(2), scene(3)
    black = np.zeros_like(one)
    frames = [one] * 14 + mixed(one, black, 12) + [black] * 5 + mixed(black, other, 12) + [other] * 14
    track = track_of(frames, converter, Settings(), source, "tiny")
    assert len(track.shots) == 5
    for picture, numbers in ((one, (0, 13, 16, 24)), (other, (33, 40, 43, 56))):
        own = converter.tone_of(picture).knots.y
        for number in numbers:
            torch.testing.assert_close(track.tone_at(number).knots.y, own, atol=1e-5, rtol=0)


def test_a_cut_on_the_first_frame_leaves_it_a_shot_of_its_own(converter, source):
    frames = pictures([0.8] + [0.2] * 20)
    track = track_of(frames, converter, Settings(), source, "tiny")
    rest = track_of(frames[1:], converter, Settings(), source, "tiny")
    assert [(shot.first, shot.last) for shot in track.shots] == [(0, 0), (1, 20)]
    torch.testing.assert_close(track.tone_at(12).knots.y, rest.tone_at(11).knots.y, atol=0.01, rtol=0)


def test_a_flash_leaves_the_tones_around_it_alone(converter, source):
    levels = [0.3] * 15 + [1.0] + [0.3] * 15
    track = track_of(pictures(levels), converter, Settings(), source, "tiny")
    steady = track_of(pictures([0.3] * 31), converter, Settings(), source, "tiny")
    assert [(shot.first, shot.last) for shot in track.shots] == [(0, 14), (15, 15), (16, 30)]
    for frame in (0, 14, 16, 30):
        torch.testing.assert_close(track.tone_at(frame).knots.y, steady.tone_at(frame).knots.y, atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(1, 64), (64, 1), (1, 1)])
def test_lines_and_single_pixels_are_analyzed_and_rendered(converter, source, shape):
    frames = [np.full((3, *shape), level, np.float32) for level in (0.2, 0.25, 0.8)]
    track = track_of(frames, converter, Settings(), source, "tiny")
    assert track.clip.frames == 3
    for number, frame in enumerate(frames):
        lit = converter.render(frame, tone=track.tone_at(number))
        assert lit.shape == frame.shape
        assert np.isfinite(lit).all()


def test_a_track_that_lost_a_shot_is_refused_by_the_frame(converter, source, tmp_path):
    track = track_of(pictures([0.2] * 5 + [0.8] * 5), converter, Settings(), source, "tiny")
    lost = track.model_copy(update={"shots": track.shots[:1]})
    path = tmp_path / "lost.json"
    path.write_text(text_of(lost))
    with pytest.raises(UserError, match="no shot holds frame 5"):
        read_track(path)


def letterboxed(picture, bar, level=0.0):
    framed = picture.copy()
    framed[:, :bar], framed[:, picture.shape[1] - bar :] = level, level
    return framed


def test_a_shot_has_one_picture_area_and_the_tone_of_the_picture_in_it(converter, source):
    frames = [np.maximum(picture, 0.15) for picture in pictures([0.4] * 26)]
    dark = [letterboxed(np.zeros_like(frames[0]), 5)] * 3  # begins in the dark
    track = track_of(dark + [letterboxed(f, 5) for f in frames], converter, Settings(), source, "tiny")
    assert [shot.first for shot in track.shots] == [0, 3]
    shot = track.shots[1]
    assert shot.area.area().box(32, 48) == (slice(5, 27), slice(0, 48))
    alone = track_of([f[:, 5:27] for f in frames], converter, Settings(), source, "tiny")
    for frame in (0, 13, 25):
        tone = track.tone_at(3 + frame)
        torch.testing.assert_close(tone.knots.y, alone.tone_at(frame).knots.y)
        framed = converter.render(letterboxed(frames[frame], 5), tone=tone)
        wanted = converter.render(frames[frame][:, 5:27], tone=alone.tone_at(frame))
        np.testing.assert_allclose(framed[:, 5:27], wanted, atol=1e-6)


def test_bars_that_open_leave_the_tone_alone(converter, source):
    bars = [*[8] * 12, *range(8, -1, -1), *[0] * 12]
    frames = [np.maximum(picture, 0.15) for picture in pictures([0.4] * len(bars))]
    opening = [letterboxed(frame, bar) if bar else frame for frame, bar in zip(frames, bars, strict=True)]
    track = track_of(opening, converter, Settings(), source, "tiny")
    assert len(track.shots) == 1
    assert track.shots[0].area.area().box(32, 48) == (slice(0, 32), slice(0, 48))
    own = converter.tone_of(frames[0][:, 8:24]).knots.y  # another part of one texture: nearly the same
    barred = converter.tone_of(opening[0], area=WHOLE).knots.y
    found = track.tone_at(0).knots.y
    assert float((found - own).abs().max()) < 0.3 * float((barred - own).abs().max())


def test_the_picture_area_is_kept_in_the_file(converter, source, tmp_path):
    frames = [letterboxed(np.maximum(picture, 0.15), 5, 16 / 255) for picture in pictures([0.4] * 3)]
    track = track_of(frames, converter, Settings(), source, "tiny")
    path = tmp_path / "track.json"
    path.write_text(text_of(track))
    assert read_track(path) == track
    assert track.tone_at(1).area.box(32, 48) == (slice(5, 27), slice(0, 48))
    text = path.read_text()
    start = text.index('"area"')
    without = text[:start] + text[text.index("}", start) + 3 :]  # as earlier versions wrote it
    path.write_text(without)
    assert read_track(path).tone_at(1).area == WHOLE
    path.write_text(text.replace('"top": 0.15625', '"top": 0.95625'))
    with pytest.raises(UserError, match="its top above its bottom"):
        read_track(path)


@pytest.mark.parametrize("track", [None, "none"])
def test_the_bars_of_a_clip_and_of_a_picture_are_black_through_every_delivery(converter, tmp_path, track):
    rng = np.random.default_rng(0)
    clip, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    with av.open(str(clip), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "bgr0"
        for _ in range(3):
            pixels = np.full((48, 64, 3), 16, np.uint8)
            pixels[8:40] = np.kron(rng.integers(60, 200, (4, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(video.encode())
    convert(clip, target, lambda: converter, replace(Settings(), steps=1), Job(deliver="ffv1", track=track))
    with av.open(str(target)) as container:
        planes = [frame.planes[0] for frame in container.decode(video=0)]
    luma = np.stack([np.frombuffer(plane, np.uint16).reshape(48, -1)[:, :64] for plane in planes])
    assert luma.shape == (3, 48, 64)
    assert luma[:, :8].max() == luma[:, 40:].max() == 64  # black of 10 bits, narrow range
    assert luma[:, 8:40].min() > 64
    still, made = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(pixels).save(still)
    convert(still, made, lambda: converter, replace(Settings(), steps=1), Job())
    codes = np.asarray(oiio.ImageBuf(str(made)).get_pixels(oiio.UINT16))
    assert codes[:8].max() == codes[40:].max() < 64  # of 65535: under 1e-6 of PQ's range in light
    assert codes[8:40].min() > 640
