from fractions import Fraction

import av
import numpy as np
import pytest

from lumaflux.color import bt1886
from lumaflux.color.primaries import BT709, BT2020, apply_matrix, rgb_to_rgb
from lumaflux.errors import FrameError, UserError
from lumaflux.media.video.reader import VideoReader

CODE = 1.1 / 255  # the printed codes are rounded: half a code of Y' and half a code of Cr at most
LIMITED, FULL = 1, 2


def _read(path, **options):
    with VideoReader(path, **options) as reader:
        return list(reader)


@pytest.mark.parametrize(("matrix", "tag"), [("bt709", 1), ("smpte170m", 6)])
def test_bars_of_a_tagged_clip(make_clip, bars, bars_frame, at_bars, matrix, tag):
    clip = make_clip("bars.mp4", [bars_frame(bars[matrix])] * 3, tags=(LIMITED, tag, 1, 1))
    frames = _read(clip)
    assert len(frames) == 3
    for frame in frames:
        assert frame.sdr.dtype == np.float32
        np.testing.assert_allclose(at_bars(frame.sdr), bars["rgb"], atol=CODE)


def test_full_range_is_honoured(make_clip, bars_frame, at_bars):
    grey = [(code, 128, 128) for code in (0, 16, 64, 128, 180, 200, 235, 255)]
    clip = make_clip("full.mp4", [bars_frame(grey, "yuvj420p")], tags=(FULL, 1, 1, 1))
    want = np.array([code for code, _, _ in grey]) / 255
    np.testing.assert_allclose(at_bars(_read(clip)[0].sdr), np.stack([want] * 3, axis=1), atol=1e-6)


def test_untagged_small_video_is_bt601_limited(make_clip, bars, bars_frame, at_bars):
    clip = make_clip("untagged.mkv", [bars_frame(bars["smpte170m"])])
    with VideoReader(clip) as reader:
        assert (reader.info.matrix.value, reader.info.matrix.source) == ("smpte170m", "guessed")
        np.testing.assert_allclose(at_bars(next(iter(reader)).sdr), bars["rgb"], atol=CODE)


def test_bt2020_sdr_is_converted_to_bt709(make_clip, bars_frame, at_bars):
    grey = [(code, 128, 128) for code in (16, 40, 80, 120, 160, 200, 220, 235)]
    colour = [(120, 140, 110)] * 8
    clip = make_clip("wide.mp4", [bars_frame(grey), bars_frame(colour)], tags=(LIMITED, 1, 9, 1))
    first, second = _read(clip)
    want = (np.array([code for code, _, _ in grey]) - 16) / 219
    np.testing.assert_allclose(at_bars(first.sdr), np.stack([want] * 3, axis=1), atol=1e-3)

    same = make_clip("narrow.mp4", [bars_frame(colour)], tags=(LIMITED, 1, 1, 1))
    light = apply_matrix(rgb_to_rgb(BT2020, BT709), _read(same)[0].sdr.astype(np.float64) ** 2.4)
    np.testing.assert_allclose(second.sdr, bt1886.inverse_eotf(light.clip(0, 1), white_nits=1.0), atol=1e-5)


def test_variable_frame_rate_keeps_its_time_stamps(make_clip, bars, bars_frame):
    times = [0, 1001, 3003, 3500, 9000, 9001]
    frames = [bars_frame(bars["bt709"]) for _ in times]
    clip = make_clip("vfr.mp4", frames, times=times, time_base=Fraction(1, 30000))
    with VideoReader(clip) as reader:
        assert reader.info.variable_frame_rate is True
        stamps = [Fraction(frame.pts) * frame.time_base for frame in reader]
    assert stamps == [Fraction(t, 30000) for t in times]


def test_reordered_frames_come_in_order_of_presentation(make_clip, bars_frame):
    frames = [bars_frame([(16 + 10 * k, 128, 128)] * 8) for k in range(12)]
    clip = make_clip("bframes.mp4", frames, options={"qp": "0", "bf": "3", "preset": "medium"})
    read = _read(clip)
    luma = [round(float(frame.sdr[1, 24, 32]) * 21.9) for frame in read]
    assert luma == list(range(12))
    assert [frame.pts for frame in read] == sorted(frame.pts for frame in read)


@pytest.mark.parametrize(("counter_clockwise", "clockwise"), [(90, 270), (180, 180), (-90, 90)])
def test_rotation_is_applied(make_clip, bars, bars_frame, counter_clockwise, clockwise):
    frame = bars_frame(bars["bt709"])
    upright = _read(make_clip("upright.mp4", [frame]))[0].sdr
    clip = make_clip("turned.mp4", [frame], rotation=counter_clockwise)
    with VideoReader(clip) as reader:
        sdr = next(iter(reader)).sdr
        assert reader.info.rotation == clockwise
        assert (reader.info.height, reader.info.width) == sdr.shape[1:]
    np.testing.assert_array_equal(sdr, np.rot90(upright, counter_clockwise // 90, axes=(1, 2)))


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_unless_forced(make_clip, bars, bars_frame, transfer, name):
    clip = make_clip("hdr.mp4", [bars_frame(bars["bt709"])], tags=(LIMITED, 9, 9, transfer))
    with pytest.raises(UserError, match=rf"hdr\.mp4 is HDR already \({name}\).*--force-sdr"):
        VideoReader(clip)
    assert len(_read(clip, allow_hdr=True)) == 1


def test_ten_bits(make_clip, bars_frame, at_bars):
    codes = [(64 + 100 * k, 512, 512) for k in range(8)]
    clip = make_clip("ten.mkv", [bars_frame(codes, "yuv420p10le")], codec="ffv1", tags=(LIMITED, 1, 1, 1))
    with VideoReader(clip) as reader:
        assert reader.info.bit_depth == 10
        sdr = next(iter(reader)).sdr
    np.testing.assert_allclose(at_bars(sdr)[:, 0], np.arange(8) * 100 / 876, atol=1e-6)


def test_names_that_libav_would_take_for_protocols(make_clip, bars, bars_frame):
    clip = make_clip("concat:a%03d#.mp4", [bars_frame(bars["bt709"])])
    assert len(_read(clip)) == 1


def test_a_stream_that_changes_size_is_named(make_clip, tmp_path, bars, bars_frame):
    parts = []
    for width in (64, 96):
        frame = av.VideoFrame(width, 48, "yuv420p")
        for plane in frame.planes:
            np.frombuffer(plane, np.uint8)[:] = 128
        parts.append(make_clip(f"{width}.ts", [frame] * 3).read_bytes())
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(parts))
    with pytest.raises(FrameError, match=r"joined\.ts changes its picture size at frame 3 to 96x48"):
        _read(joined)
