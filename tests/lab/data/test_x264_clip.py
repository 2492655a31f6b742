import hashlib
from fractions import Fraction

import numpy as np
import pytest

from lumaflux.lab.data.x264_clip import X264Encoding, quantise_sdr, write_x264
from lumaflux.media.video.probe import probe_video
from lumaflux.media.video.reader import VideoReader

FRAMES, HEIGHT, WIDTH = 6, 36, 64


def clip(height=HEIGHT, width=WIDTH):
    y, x = np.mgrid[:height, :width]
    moving = [
        np.stack([0.5 + 0.3 * np.sin((x + 2 * t) / 9), 0.5 + 0.3 * np.cos((y + t) / 7), 0.4 + 0 * x])
        for t in range(FRAMES)
    ]
    return [quantise_sdr(frame) for frame in moving]


def decoded(path):
    with VideoReader(path) as reader:
        return np.stack([frame.sdr for frame in reader])


def psnr(path, frames):
    error = decoded(path) - np.stack(frames) / 255
    return -10 * np.log10(np.mean(error**2))


def encoding(crf, **more):
    return X264Encoding(crf=crf, frame_rate=Fraction(25), **more)


def test_quality_falls_and_size_shrinks_with_the_crf(tmp_path):
    sizes, qualities = [], []
    for crf in (23, 31, 39):
        path = tmp_path / f"{crf}.mp4"
        assert write_x264(path, clip(), encoding(crf)) == FRAMES
        sizes.append(path.stat().st_size)
        qualities.append(psnr(path, clip()))
    assert sizes == sorted(sizes, reverse=True)
    assert qualities == sorted(qualities, reverse=True)
    assert qualities[0] > 35
    assert qualities[0] > qualities[2] + 3


def test_is_tagged_as_television(tmp_path):
    write_x264(tmp_path / "a.mp4", clip(), encoding(23))
    info = probe_video(tmp_path / "a.mp4")
    tags = {tag.value for tag in (info.matrix, info.primaries, info.transfer)}
    assert tags == {"bt709"}
    assert info.range.value == "limited"
    assert info.matrix.source == "tagged"
    assert (info.codec, info.pixel_format, info.frame_rate, info.frame_count) == ("h264", "yuv420p", 25, FRAMES)
    assert not info.variable_frame_rate


def test_lossless_keeps_every_code_and_takes_odd_sizes(tmp_path):
    frames = clip(35, 63)
    write_x264(tmp_path / "a.mp4", frames, encoding(None))
    assert np.array_equal(np.rint(decoded(tmp_path / "a.mp4") * 255), np.stack(frames))


def test_same_frames_give_the_same_file(tmp_path):
    digests = set()
    for _ in range(20):
        write_x264(tmp_path / "a.mp4", iter(clip(180, 320)), encoding(31))
        digests.add(hashlib.sha256((tmp_path / "a.mp4").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_key_frames_come_as_often_as_asked(tmp_path):
    import av

    write_x264(tmp_path / "a.mp4", clip() * 10, encoding(31, gop_seconds=0.4))
    with av.open(str(tmp_path / "a.mp4")) as container:
        keys = [packet.pts * packet.time_base for packet in container.demux(video=0) if packet.is_keyframe]
    assert len(keys) >= 6
    assert max(np.diff(keys)) <= Fraction(10, 25)


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ([], "no frame"),
        (clip(35, 64), "odd side"),
        ([clip()[0], clip(40, 64)[0]], "frame 1"),
    ],
)
def test_refuses_and_leaves_nothing(tmp_path, frames, told):
    with pytest.raises(ValueError, match=told):
        write_x264(tmp_path / "a.mp4", frames, encoding(23))
    assert list(tmp_path.iterdir()) == []
