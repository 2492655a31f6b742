"""Probing: what is tagged, what is guessed, and one clear sentence for what is no picture."""

import os

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.errors import UserError
from lumaflux.media.metadata.info import Tag, probe


def test_a_tagged_clip_with_sound(make_clip, bars, bars_frame):
    clip = make_clip("clip.mp4", [bars_frame(bars["bt709"])] * 5, tags=(1, 1, 1, 1), audio="aac")
    info = probe(clip)
    assert (info.kind, info.codec, info.width, info.height, info.bit_depth) == ("video", "h264", 64, 48, 8)
    assert (info.pixel_format, info.frame_count, info.frame_rate) == ("yuv420p", 5, 25)
    assert info.duration == pytest.approx(0.2)
    assert info.variable_frame_rate is False
    bt709 = Tag(value="bt709", source="tagged")
    assert (info.matrix, info.primaries, info.transfer) == (bt709, bt709, bt709)
    assert info.range == Tag(value="limited", source="tagged")
    assert not info.is_hdr
    assert (info.mastering_display, info.max_cll, info.max_fall, info.rotation) == (None, None, None, 0)
    (sound,) = info.audio
    assert (sound.codec, sound.rate, sound.layout) == ("aac", 44100, "mono")


@pytest.mark.parametrize(("size", "matrix"), [((64, 48), "smpte170m"), ((1280, 720), "bt709"), ((480, 1280), "bt709")])
def test_untagged_clips_are_guessed_and_say_so(make_clip, size, matrix):
    import av

    info = probe(make_clip("plain.mkv", [av.VideoFrame(*size, "yuv420p")]))
    assert info.matrix == Tag(value=matrix, source="guessed")
    assert info.range == Tag(value="limited", source="guessed")
    assert info.primaries == info.transfer == Tag(value="bt709", source="guessed")


@pytest.mark.parametrize("pixel_format", ["gray", "gray10le", "ya8"])
def test_untagged_grey_is_full_range(make_clip, pixel_format):
    import av

    info = probe(make_clip("grey.mkv", [av.VideoFrame(64, 48, pixel_format)], codec="ffv1"))
    assert info.range == Tag(value="full", source="guessed")


def test_dropped_alpha_is_named(make_clip):
    import av

    planar = probe(make_clip("planar.mkv", [av.VideoFrame(16, 16, "yuva420p")], codec="ffv1"))
    assert (planar.alpha, planar.dropped) == (True, ())
    packed = probe(make_clip("packed.mov", [av.VideoFrame(16, 16, "argb")], codec="qtrle"))
    assert (packed.alpha, packed.dropped) == (False, ("alpha",))


def test_static_metadata_of_av1_is_read(make_clip, bars_frame):
    params = (
        "mastering-display=G(0.265,0.690)B(0.150,0.060)R(0.680,0.320)WP(0.3127,0.3290)L(4000,0.005)"
        ":content-light=1234,321"
    )
    clip = make_clip(
        "av1.mp4",
        [bars_frame([(300, 512, 512)] * 8, "yuv420p10le")],
        codec="libsvtav1",
        tags=(1, 9, 9, 16),
        options={"svtav1-params": params, "preset": "12"},
    )
    info = probe(clip)
    assert info.is_hdr
    assert (info.max_cll, info.max_fall) == (1234, 321)
    display = info.mastering_display
    assert display is not None
    assert (display.max_nits, display.min_nits) == pytest.approx((4000, 0.005), rel=0.02)  # AV1 6.7.4: steps of 2^-14
    assert display.primaries.red == pytest.approx((0.680, 0.320), abs=2e-5)
    assert display.primaries.white == pytest.approx((0.3127, 0.3290), abs=2e-5)


def _picture(path, size=(40, 30)):
    pixels = np.random.default_rng(3).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    output = oiio.ImageOutput.create(path.suffix[1:])
    assert output is not None
    output.open(str(path), oiio.ImageSpec(*size, 3, "uint8"))
    output.write_image(pixels)
    output.close()
    return path


def _cut(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def _random_bytes(path):
    path.write_bytes(np.random.default_rng(11).bytes(5000))
    return path


def _text(path, content):
    path.write_text(content)
    return path


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.ts\n#EXT-X-ENDLIST\n"
BAD = {
    "missing": (lambda d, clip: d / "none.mp4", "does not exist"),
    "directory": (lambda d, clip: d, "is a directory"),
    "empty": (lambda d, clip: _text(d / "empty.mp4", ""), "is empty"),
    "random bytes": (lambda d, clip: _random_bytes(d / "noise.mp4"), "no video or picture|holds no video"),
    "text": (lambda d, clip: _text(d / "notes.txt", "Once upon a time.\n" * 90), "no video or picture"),
    "text named mp4": (lambda d, clip: _text(d / "notes.mp4", "Once upon a time.\n" * 90), "no video or picture"),
    "playlist": (lambda d, clip: _text(d / "list.m3u8", PLAYLIST), "no video or picture"),
    "concat script": (lambda d, clip: _text(d / "list.ffconcat", f"ffconcat version 1.0\nfile {clip}\n"), "no video"),
    "truncated mp4": (lambda d, clip: _cut(clip), "truncated"),
    "truncated png": (lambda d, clip: _cut(_picture(d / "a.png")), "truncated"),
    "truncated jpeg": (lambda d, clip: _cut(_picture(d / "a.jpg")), "truncated"),
    "truncated tiff": (lambda d, clip: _cut(_picture(d / "a.tif")), "truncated"),
    "truncated webp": (lambda d, clip: _cut(_picture(d / "a.webp")), "truncated"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_picture_is_refused_in_one_sentence(make_clip, tmp_path, bars, bars_frame, case):
    build, message = BAD[case]
    path = build(tmp_path, make_clip("clip.mp4", [bars_frame(bars["bt709"])] * 3))
    with pytest.raises(UserError, match=message) as caught:
        probe(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_sound_alone_is_no_video(tmp_path):
    import wave

    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    with pytest.raises(UserError, match=r"tone\.wav holds no video"):
        probe(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(UserError, match="is a pipe or a device"):
        probe(tmp_path / "a.mp4")
