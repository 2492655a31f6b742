"""Frames of a video by number are bit for bit those of reading it from its beginning."""

from typing import Any

import av
import numpy as np
import pytest

from lumaflux.errors import FrameError
from lumaflux.media.video.numbered_frames import NumberedFrames
from lumaflux.media.video.reader import VideoReader

FORMS = {
    "h264-b.mp4": ("libx264", {"g": "12", "bf": "3", "crf": "30"}),
    "h264-open.mkv": ("libx264", {"x264-params": "open-gop=1:keyint=8:bframes=3:crf=30"}),
    "hevc-open.mp4": ("libx265", {"x265-params": "open-gop=1:keyint=8:bframes=3:crf=30:log-level=none"}),
    "h264.ts": ("libx264", {"g": "10", "bf": "2", "crf": "30"}),
    "mpeg2.mov": ("mpeg2video", {"g": "9", "bf": "2", "b": "500k"}),
    "one-key.mp4": ("libx264", {"g": "600", "crf": "30"}),
    "raw.h264": ("libx264", {"g": "12", "bf": "0", "crf": "30"}),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    random = np.random.default_rng(0)
    base = random.integers(40, 200, (64, 96), np.uint8)
    for name, (codec, options) in FORMS.items():
        with av.open(str(folder / name), "w") as container:
            stream: Any = container.add_stream(codec, rate=25, options=options)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            for number in range(40):
                planes = np.full((96, 96), 128, np.uint8)
                planes[:64] = np.roll(base, number, 1) + random.integers(0, 9, (64, 96), np.uint8)
                frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return folder


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("numbers", [[0], [39], [17], [3, 4, 5], [8, 9, 30, 31], [1, 20, 39], list(range(40))])
def test_the_same_bits_from_anywhere(clips, name, numbers):
    with VideoReader(clips / name) as reader:
        whole = list(reader)
    found = list(NumberedFrames(clips / name).read(numbers))
    assert [number for number, _ in found] == numbers
    for number, frame in found:
        assert (frame.pts, frame.time_base) == (whole[number].pts, whole[number].time_base)
        assert np.array_equal(frame.sdr, whole[number].sdr)


@pytest.mark.parametrize("name", ["h264-b.mp4", "raw.h264"])
def test_frames_that_are_not_there(clips, name):
    with pytest.raises(FrameError, match=r"none with the number 40|ends before its frame 40"):
        list(NumberedFrames(clips / name).read([39, 40]))


def test_an_index_that_cannot_be_sought_costs_time_alone(clips, monkeypatch):
    plain = VideoReader.begin_at

    def begin_at(reader, pts, key_pts):
        if key_pts is not None:
            raise av.error.PermissionError(1, "Operation not permitted")
        plain(reader, pts, key_pts)

    wanted = [frame.sdr for _, frame in NumberedFrames(clips / "h264-b.mp4").read([17, 30])]
    monkeypatch.setattr(VideoReader, "begin_at", begin_at)
    found = [frame.sdr for _, frame in NumberedFrames(clips / "h264-b.mp4").read([17, 30])]
    assert np.array_equal(found, wanted)
