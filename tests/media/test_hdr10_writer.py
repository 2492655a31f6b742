import math
import os
from fractions import Fraction

import av
import colour
import numpy as np
import pytest
from hdr10_video import hdr10_writer, streams_of

from lumaflux.color.yuv420p10 import yuv420p10
from lumaflux.errors import FrameError, UserError
from lumaflux.media.metadata.info import probe
from lumaflux.media.metadata.mastering import container_display
from lumaflux.media.video.reader import VideoReader

WIDTH, HEIGHT = 64, 48
TB = Fraction(1, 30000)
FORMATS = [".mp4", ".mov", ".mkv"]


def _grey(level: float) -> np.ndarray:
    frame = np.full((3, HEIGHT, WIDTH), level, dtype=np.float32)
    frame[:, :8, :8] = min(1.0, 1.2 * level)
    return frame


def _write(path, frames, times=None, **options):
    times = range(0, 1001 * len(frames), 1001) if times is None else times
    options = {"frame_rate": Fraction(30000, 1001), "lossless": True, **options}
    height, width = frames[0].shape[1:]
    with hdr10_writer(path, (width, height), time_base=TB, **options) as writer:
        for frame, pts in zip(frames, times, strict=True):
            writer.write(frame, pts)
    return writer


def _decode(path):
    """Codes of every frame: luma, Cb, Cr."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.format.name == "yuv420p10le"
            yield [np.frombuffer(p, np.uint16).reshape(p.height, -1)[:, : p.width].astype(int) for p in frame.planes]


def _sound(path):
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.size]


@pytest.mark.parametrize("suffix", FORMATS)
def test_tags_and_measured_light(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    writer = _write(path, [_grey(level) for level in (0.2, 0.55, 0.4)], display=container_display(1500))
    info = probe(path)
    assert (info.codec, info.bit_depth, info.pixel_format) == ("hevc", 10, "yuv420p10le")
    colours = (info.range, info.matrix, info.primaries, info.transfer)
    assert [tag.value for tag in colours] == ["limited", "bt2020nc", "bt2020", "pq"]
    assert {tag.source for tag in colours} == {"tagged"}
    display = info.mastering_display
    assert display is not None
    assert (display.max_nits, display.min_nits) == (1500, 0.0001)
    assert display.primaries.green == pytest.approx((0.170, 0.797), abs=1e-5)

    nits = [colour.models.eotf_ST2084((luma - 64) / 876) for luma, _, _ in _decode(path)]  # grey: all codes are luma
    assert info.max_cll == math.ceil(max(frame.max() for frame in nits)) == writer.levels.max_cll
    assert info.max_fall == math.ceil(max(frame.mean() for frame in nits)) == writer.levels.max_fall
    assert sorted(os.listdir(tmp_path)) == [path.name]


def test_light_of_coloured_codes_is_that_of_the_decoded_picture(tmp_path):
    rng = np.random.default_rng(2)
    path = tmp_path / "out.mp4"
    _write(path, [np.kron(rng.uniform(0, 0.7, (3, 6, 8)), np.ones((1, 8, 8))).astype(np.float32)])
    ((luma, *chroma),) = _decode(path)
    columns, rows = np.arange(WIDTH) / 2, np.arange(HEIGHT) / 2
    full = []
    for plane in chroma:  # linear interpolation from co-sited samples
        wide = np.stack([np.interp(columns, np.arange(plane.shape[1]), row) for row in plane])
        full.append(np.stack([np.interp(rows, np.arange(plane.shape[0]), column) for column in wide.T], axis=1))
    y, cb, cr = (luma - 64) / 876, (full[0] - 512) / 896, (full[1] - 512) / 896
    red, blue = y + 1.4746 * cr, y + 1.8814 * cb
    green = (y - 0.2627 * red - 0.0593 * blue) / 0.6780
    nits = colour.models.eotf_ST2084(np.max([red, green, blue], axis=0).clip(0, 1))
    info = probe(path)
    assert (info.max_cll, info.max_fall) == (math.ceil(nits.max()), math.ceil(nits.mean()))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_every_copy_of_the_light_levels_is_measured(tmp_path, suffix):
    """Decoder configuration, container fields and the SEI before each key frame: no placeholder stays."""
    path = tmp_path / f"out{suffix}"
    frames = [_grey(0.3 + 0.001 * k) for k in range(260)]  # x265 puts a key frame every 250 pictures
    writer = _write(path, frames)
    data = path.read_bytes()
    with av.open(str(path)) as container:
        keys = sum(p.is_keyframe for p in container.demux(video=0) if p.size)
    assert keys >= 2
    values = writer.levels.max_cll.to_bytes(2, "big") + writer.levels.max_fall.to_bytes(2, "big")
    assert data.count(b"\x4e\x01\x90\x04" + values) == keys + 1
    assert b"\xff\xff\xff\xff\x03" not in data
    if suffix == ".mp4":
        assert data.count(b"clli" + values) == 1
        assert data.count(b"mdcv") == 1
    else:
        assert data.count(b"\x55\xbc\x82" + values[:2] + b"\x55\xbd\x82" + values[2:]) == 1


def test_levels_whose_sei_needs_an_emulation_prevention_byte(tmp_path):
    """A MaxCLL of whole 256 cd/m2 and a MaxFALL of 1: the bytes xx 00 00 01 would hold a start code."""
    path = tmp_path / "out.mkv"
    light = {code: math.ceil(float(colour.models.eotf_ST2084((code - 64) / 876))) for code in range(500, 900)}
    code, level = next((code, level) for code, level in light.items() if level % 256 == 0)
    frame = np.zeros((3, HEIGHT, WIDTH), dtype=np.float32)
    frame[:, 0, 0] = (code - 64) / 876
    _write(path, [frame])
    info = probe(path)
    assert (info.max_cll, info.max_fall) == (level, 1)
    assert b"\x4e\x01\x90\x04" + level.to_bytes(2, "big") + b"\x00\x03\x01" in path.read_bytes()


def test_ramp_and_primaries_come_back_within_a_code(tmp_path):
    ramp = np.broadcast_to(np.linspace(0, 1, WIDTH, dtype=np.float32), (3, HEIGHT, WIDTH)).copy()
    patches = np.zeros((3, HEIGHT, WIDTH), dtype=np.float32)
    for index, rgb in enumerate(np.ndindex(2, 2, 2)):
        patches[:, :, 8 * index : 8 * index + 8] = 0.7 * np.array(rgb)[:, None, None]
    path = tmp_path / "out.mp4"
    _write(path, [ramp, patches])
    for frame, codes in zip((ramp, patches), _decode(path), strict=True):
        for got, want in zip(codes, yuv420p10(frame), strict=True):
            np.testing.assert_array_equal(got, want)
    with VideoReader(path, allow_hdr=True) as reader:
        back = [frame.sdr for frame in reader]
    np.testing.assert_allclose(back[0], ramp, atol=1 / 876)
    centres = np.s_[:, HEIGHT // 2, 4::8]
    np.testing.assert_allclose(back[1][centres], patches[centres], atol=1.5 / 876)


@pytest.mark.parametrize("start", [0, 6006])
@pytest.mark.parametrize("suffix", FORMATS)
def test_time_stamps_are_kept(tmp_path, suffix, start):
    times = [start + t for t in (0, 1001, 3003, 3500, 9000, 9900, 30000, 31001)]
    path = tmp_path / f"out{suffix}"
    _write(path, [_grey(0.1 + 0.02 * k) for k in range(len(times))], times)
    with av.open(str(path)) as container:
        read = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    with VideoReader(path, allow_hdr=True) as reader:  # which starts at 0
        assert [frame.pts * frame.time_base for frame in reader] == [time - read[0] for time in read]
    if suffix == ".mkv":  # its time stamps are whole milliseconds
        assert read == [Fraction(round(1000 * t * TB), 1000) for t in times]
    else:
        assert read == [t * TB for t in times]


@pytest.mark.parametrize(
    ("source_name", "codec", "suffix"),
    [
        ("in.mp4", "aac", ".mp4"),
        ("in.mp4", "aac", ".mov"),
        ("in.mp4", "libmp3lame", ".mp4"),
        ("in.mov", "pcm_s16le", ".mov"),
        ("in.mkv", "flac", ".mkv"),
        ("in.mkv", "flac", ".mp4"),
        ("in.mkv", "libopus", ".mkv"),
    ],
)
def test_sound_is_copied_bit_for_bit(make_clip, bars, bars_frame, tmp_path, source_name, codec, suffix):
    rate = 48000 if codec == "libopus" else 44100
    source = make_clip(source_name, [bars_frame(bars["bt709"])] * 20, audio=codec, rate=rate)
    path = tmp_path / f"out{suffix}"
    with VideoReader(source) as reader:
        info = reader.info
        with hdr10_writer(path, (WIDTH, HEIGHT), time_base=info.time_base, copied=streams_of(source)) as writer:
            for frame in reader:
                writer.write(frame.sdr * np.float32(0.6), frame.pts, frame.duration)
    before, after = _sound(source), _sound(path)
    assert [data for _, data in after] == [data for _, data in before]
    grid = Fraction(1, 1000) if source_name == "in.mkv" or suffix == ".mkv" else Fraction(1, rate)
    shift = after[0][0] - before[0][0]
    assert all(abs(a - b - shift) <= grid for (a, _), (b, _) in zip(after, before, strict=True))
    with VideoReader(path, allow_hdr=True) as reader:  # picture and sound moved together, if at all
        first = next(iter(reader))
    assert abs(first.pts * first.time_base - shift) <= grid


def test_sound_can_be_left_out_or_end_with_the_pictures(make_clip, bars, bars_frame, tmp_path):
    source = make_clip("in.mp4", [bars_frame(bars["bt709"])] * 5, audio="aac")
    frames = [_grey(0.3)] * 3
    _write(tmp_path / "silent.mp4", frames, copied=streams_of(source, sound=False))
    assert probe(tmp_path / "silent.mp4").audio == ()
    _write(tmp_path / "part.mp4", frames, copied=streams_of(source, ends_with_pictures=True))
    whole, part = _sound(source), _sound(tmp_path / "part.mp4")
    assert part == whole[: len(part)]
    assert 0.05 < part[-1][0] < 3 * 1001 / 30000 < whole[-1][0]  # no packet begins after the last picture


def test_sound_the_container_cannot_carry_is_named_before_any_work(make_clip, bars, bars_frame, tmp_path):
    source = make_clip("in.mkv", [bars_frame(bars["bt709"])], audio="tta")
    writer = hdr10_writer(tmp_path / "out.mp4", (WIDTH, HEIGHT), time_base=TB, copied=streams_of(source))
    with pytest.raises(UserError, match=r"out\.mp4 cannot carry .*--no-copy-audio"), writer:
        pytest.fail("the header was written")
    assert sorted(os.listdir(tmp_path)) == ["in.mkv"]


@pytest.mark.parametrize("size", [(17, 31), (16, 16), (65, 48), (200, 18)])
def test_odd_and_small_sizes(tmp_path, size):
    width, height = size
    rng = np.random.default_rng(8)
    frame = rng.uniform(0, 0.7, (3, height, width)).astype(np.float32)
    path = tmp_path / "out.mp4"
    _write(path, [frame, frame])
    first, second = _decode(path)
    assert first[0].shape == (height + height % 2, width + width % 2)
    np.testing.assert_array_equal(first[0], second[0])
    luma = np.tensordot([0.2627, 0.6780, 0.0593], frame.astype(np.float64), axes=1)
    np.testing.assert_allclose(first[0][:height, :width], 64 + 876 * luma, atol=0.51)


def test_pixel_shape_is_carried(tmp_path):
    path = tmp_path / "out.mkv"
    _write(path, [_grey(0.3)], sample_aspect_ratio=Fraction(32, 27))
    assert probe(path).sample_aspect_ratio == Fraction(32, 27)


class TestFailure:
    def _names(self, folder):
        return sorted(os.listdir(folder))

    def test_an_exception_leaves_nothing(self, tmp_path):
        def interrupted():
            with hdr10_writer(tmp_path / "out.mp4", (WIDTH, HEIGHT), time_base=TB) as writer:
                writer.write(_grey(0.4), 0)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert self._names(tmp_path) == []

    def test_an_exception_keeps_the_old_file(self, tmp_path):
        path = tmp_path / "out.mkv"
        path.write_bytes(b"old")
        writer = hdr10_writer(path, (WIDTH, HEIGHT), time_base=TB, overwrite=True)
        with pytest.raises(RuntimeError), writer:
            raise RuntimeError
        assert path.read_bytes() == b"old"
        assert self._names(tmp_path) == ["out.mkv"]

    def test_bad_frames_are_refused(self, tmp_path):
        with hdr10_writer(tmp_path / "out.mp4", (WIDTH, HEIGHT), time_base=TB) as writer:
            writer.write(_grey(0.4), 5)
            with pytest.raises(ValueError, match=r"shape \[3, 48, 64\]"):
                writer.write(np.zeros((3, 4, 4), dtype=np.float32), 6)
            with pytest.raises(ValueError, match="not finite"):
                writer.write(np.full((3, HEIGHT, WIDTH), np.nan, dtype=np.float32), 6)
            with pytest.raises(FrameError, match="does not come after"):
                writer.write(_grey(0.4), 5)
        assert writer.levels.frames == 1

    def test_a_clip_without_frames_is_none(self, tmp_path):
        writer = hdr10_writer(tmp_path / "out.mp4", (WIDTH, HEIGHT), time_base=TB)
        with pytest.raises(UserError, match="No frame came"), writer:
            pass
        assert self._names(tmp_path) == []

    def test_targets_are_checked_first(self, tmp_path, make_clip, bars, bars_frame):
        taken = make_clip("taken.mp4", [bars_frame(bars["bt709"])])

        def writer(name, **options):
            size = options.pop("size", (WIDTH, HEIGHT))
            return hdr10_writer(tmp_path / name, size, time_base=TB, **options)

        for name, options, message in (
            ("taken.mp4", {}, "exists already"),
            ("taken.mp4", {"copied": streams_of(taken), "overwrite": True}, "is the input itself"),
            ("none/out.mp4", {}, "no directory"),
            ("out.avi", {}, r"\.mp4, \.mov or \.mkv"),
            ("small.mp4", {"size": (8, 48)}, "too small"),
        ):
            with pytest.raises(UserError, match=message):
                writer(name, **options)
        with pytest.raises(UserError, match="preset"), writer("out.mp4", preset="warp"):
            pytest.fail("x265 took the preset")
        assert self._names(tmp_path) == ["taken.mp4"]
