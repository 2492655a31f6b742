"""Bytes that changed inside a picture's packet, where the container's structure is whole: what a decoder or a checksum
can notice ends a reading, and whole files of the same kinds are read."""

import random
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from lumaflux.errors import FrameError
from lumaflux.media.video.checksums import slices_are_sound
from lumaflux.media.video.decoder import decoder_for_vp9
from lumaflux.media.video.reader import VideoReader

QUICK = {"deadline": "realtime", "cpu-used": "8"}
KINDS: dict[str, tuple[str, str, dict[str, str]]] = {
    "vp8.mkv": ("libvpx", "yuv420p", {"b": "1M", **QUICK}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {"crf": "20", "b": "0", **QUICK}),
    "vp9-444.webm": ("libvpx-vp9", "yuv444p", {"crf": "20", "b": "0", **QUICK}),
    "msmpeg4.avi": ("msmpeg4", "yuv420p", {"b": "2M"}),
    "msmpeg4v2.avi": ("msmpeg4v2", "yuv420p", {"b": "2M"}),
    "wmv1.asf": ("wmv1", "yuv420p", {"b": "2M"}),
    "wmv2.asf": ("wmv2", "yuv420p", {"b": "2M"}),
    "ffv1.avi": ("ffv1", "yuv420p", {"level": "3", "slicecrc": "1"}),
    "ffv1-slices.nut": ("ffv1", "yuv422p10le", {"level": "3", "slicecrc": "1", "slices": "9"}),
    "av1.mp4": ("libsvtav1", "yuv420p", {"preset": "12"}),
    "hevc.mp4": ("libx265", "yuv420p", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    "h264.mp4": ("libx264", "yuv420p", {"preset": "veryfast"}),
    "mpeg2.avi": ("mpeg2video", "yuv420p", {"b": "2M"}),
    "ffv1-plain.avi": ("ffv1", "yuv420p", {"level": "3", "slicecrc": "0"}),
    "ffv1-old.avi": ("ffv1", "yuv420p", {"level": "1"}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {}),
    "prores.mov": ("prores_ks", "yuv422p10le", {}),
    "dnxhd.mov": ("dnxhd", "yuv422p", {"profile": "dnxhr_sq"}),
}
# Of 10 files with 8 bytes changed inside one packet, at least so many are noticed.
NOTICED = {
    "vp9.webm": 8,
    "vp9-444.webm": 8,
    "msmpeg4.avi": 8,
    "msmpeg4v2.avi": 7,
    "wmv1.asf": 7,
    "wmv2.asf": 7,
    "ffv1.avi": 10,
    "ffv1-slices.nut": 10,
    "av1.mp4": 7,
    "hevc.mp4": 3,
    "h264.mp4": 8,
    "mpeg2.avi": 5,
    "vp8.mkv": 10,  # by the checksums that FFmpeg gives to the clusters of Matroska
}
FRAMES = 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A file of each kind, and its packets."""
    made: dict[str, Any] = {}

    def make(name: str):
        if name not in made:
            codec, form, options = KINDS[name]
            path = tmp_path_factory.mktemp("whole") / name
            pixels = np.random.default_rng(1).integers(30, 220, (20, 28, 3), dtype=np.uint8)
            large = np.kron(pixels, np.ones((16, 16, 1), np.uint8))
            with av.open(str(path), "w") as container:
                video: Any = container.add_stream(codec, rate=25, options=options)
                video.width, video.height, video.pix_fmt, video.codec_context.gop_size = 320, 192, form, 10
                for number in range(FRAMES):
                    part = np.ascontiguousarray(large[number : number + 192, 3 * number : 3 * number + 320])
                    frame = av.VideoFrame.from_ndarray(part, format="rgb24").reformat(format=form)
                    frame.pts = number
                    container.mux(video.encode(frame))
                container.mux(video.encode())
            with av.open(str(path)) as container:
                sizes = [bytes(packet) for packet in container.demux(video=0) if packet.size]
            made[name] = path, sizes
        return made[name]

    return make


def changed(path, packets: list[bytes], seed: int, target):
    """``path`` with bytes of one of its packets changed where they lie in the file."""
    rng, data = random.Random(seed), bytearray(path.read_bytes())
    picture = packets[rng.randrange(2, len(packets) - 2)]
    inside = picture[len(picture) // 8 :]
    if (start := data.find(inside)) < 0:  # ASF splits packets
        start = data.find(inside := picture[-120:])
    assert start > 0
    for _ in range(8):
        data[start + rng.randrange(len(inside))] ^= rng.randrange(1, 256)
    target.write_bytes(data)
    return target


def read(path, **options: Any) -> tuple[int, int]:
    """Frames and damaged places."""
    with VideoReader(path, **options) as reader:
        return len(list(reader)), reader.damaged


@pytest.mark.parametrize("name", KINDS)
def test_whole_files_are_read(whole, name):
    assert read(whole(name)[0]) == (FRAMES, 0)


@pytest.mark.parametrize("name", NOTICED)
def test_changed_bytes_are_noticed(whole, tmp_path, name):
    path, packets = whole(name)
    noticed = 0
    for seed in range(10):
        target = changed(path, packets, seed, tmp_path / f"{seed}-{name}")
        if read(target, keep_going=True)[1]:
            noticed += 1
            with pytest.raises(FrameError, match="cannot be decoded after frame"):
                read(target)
    assert noticed >= NOTICED[name]


def kept_numbers(path) -> Iterable[int]:
    with VideoReader(path, keep_going=True) as reader:
        return [frame.number for frame in reader.frames()]


def test_a_slice_that_contradicts_its_sum_costs_its_picture_alone(whole, tmp_path):
    path, packets = whole("ffv1.avi")
    target = changed(path, packets, 3, tmp_path / "a.avi")
    assert len(list(kept_numbers(target))) == FRAMES - 1
    assert all(slices_are_sound(picture) for picture in packets)
    assert not slices_are_sound(packets[0][:-1])
    assert not slices_are_sound(b"")
    assert not slices_are_sound(bytes(3))


@pytest.mark.parametrize(
    ("form", "name"),
    [("yuv420p", "libvpx-vp9"), ("gbrp", "libvpx-vp9"), ("yuv420p10le", "vp9"), ("yuv444p12le", "vp9")],
)
def test_libvpx_decodes_what_every_build_of_it_takes(form, name):
    """A build without high bit depth, as PyAV's, decodes 8 bits alone."""
    own: Any = SimpleNamespace(name="vp9", format=av.VideoFormat(form), extradata=None)
    assert decoder_for_vp9(own).name == name
    assert decoder_for_vp9(SimpleNamespace(name="vp9", format=None, extradata=None)).name == "vp9"


@pytest.mark.parametrize("stamp", [-9079256848778919936, 2**63 - 1, -(2**63) + 1, 1737303379211059952])
def test_stamps_that_no_clock_has_are_none(tmp_path, stamp):
    """IVF stores 64 bits of them as they come (bytes 4 to 12 of a frame's header)."""
    path = tmp_path / "a.ivf"
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libvpx", rate=25)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
    data, place = bytearray(path.read_bytes()), 32
    for _ in range(2):
        place += 12 + int.from_bytes(data[place : place + 4], "little")
    data[place + 4 : place + 12] = stamp.to_bytes(8, "little", signed=True)
    path.write_bytes(data)
    with VideoReader(path) as reader:
        times = [frame.pts for frame in reader]
    assert len(times) == 5
    assert times == sorted(set(times))
    assert times[:2] == [0, 1]
