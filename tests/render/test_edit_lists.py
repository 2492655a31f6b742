"""Edit lists of MP4 and QuickTime: pictures and sound play as players play them, or the file is refused."""

import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.media.video import isobmff
from lumaflux.media.video.reader import VideoReader
from lumaflux.render import Job, convert
from lumaflux.settings import Settings

RATE = 48000
Edits = list[tuple[float, float]]  # seconds that each plays, and where it begins; -1: nothing is shown


@pytest.fixture(scope="module", params=[0, 2])
def source(tmp_path_factory, request):
    """2 s: pictures that grow lighter by 4 codes a frame, in one group with or without B frames, and sound that grows
    louder by 0.1 every 0.2 s."""
    path = tmp_path_factory.mktemp("edits") / "in.mov"
    with av.open(str(path), "w") as container:
        options = {"qp": "0", "preset": "ultrafast", "bf": str(request.param), "g": "100"}
        video: Any = container.add_stream("libx264", rate=25, options=options)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound: Any = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for number in range(50):
            frame = av.VideoFrame(64, 48, "yuv420p")
            planes: Any = frame.planes
            for index, plane in enumerate(planes):
                np.frombuffer(plane, np.uint8)[:] = 128 if index else 30 + 4 * number
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for start in range(0, 2 * RATE, 960):
            level = int(3277 * (1 + start // 9600) * 0.9)
            samples = av.AudioFrame.from_ndarray(np.full((1, 960), level, np.int16), format="s16", layout="mono")
            samples.sample_rate, samples.pts = RATE, start
            container.mux(sound.encode(samples))
        container.mux(sound.encode())
    return path


def edited(source: Path, target: Path, edits: Edits, rate: int = 1 << 16) -> Path:
    """``source``, whose ``moov`` stands last, with an edit list for both tracks."""
    data = source.read_bytes()
    with source.open("rb") as file:
        movie = next(box for box in isobmff.top_level(file) if box.kind == b"moov")
        parts: list[bytes] = []
        for box in isobmff.inside(file, movie):
            whole = data[box.start : box.end]
            if box.kind == b"trak":
                whole = _trak(file, data, box, edits, rate)
            parts.append(whole)
    target.write_bytes(data[: movie.start] + isobmff.box(b"moov", b"".join(parts)))
    return target


def _trak(file, data: bytes, trak: isobmff.Box, edits: Edits, rate: int) -> bytes:
    chain = {box.kind: box for box in isobmff.inside(file, trak)}
    media = {box.kind: box for box in isobmff.inside(file, chain[b"mdia"])}
    (scale,) = struct.unpack_from(">I", data, media[b"mdhd"].payload + 12)
    delay = 0  # of presentation after decoding, which the list that was there takes off
    if b"edts" in chain:
        (listed,) = isobmff.inside(file, chain[b"edts"])
        (delay,) = struct.unpack_from(">i", data, listed.payload + 12)
    rows = b"".join(
        struct.pack(">Iii", round(1000 * lasts), -1 if start < 0 else round(start * scale) + delay, rate)
        for lasts, start in edits
    )
    table = isobmff.box(b"elst", bytes(4) + struct.pack(">I", len(edits)) + rows)
    others = [data[box.start : box.end] for kind, box in chain.items() if kind != b"edts"]
    return isobmff.box(b"trak", others[0] + isobmff.box(b"edts", table) + b"".join(others[1:]))


def shown(path: Path) -> list[tuple[float, int]]:
    """Time and number of every picture."""
    with VideoReader(path) as reader:
        return [
            (round(float(frame.pts * frame.time_base), 3), round((frame.sdr.mean() * 219 + 16 - 30) / 4))
            for frame in reader
        ]


def heard(path: Path) -> dict[float, int]:
    """The level in tenths in the middle of every 0.2 s."""
    found = {}
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().ravel().astype(float)
            for index in range(0, len(samples), 480):
                time = float(frame.time or 0) + index / RATE
                found.setdefault(int(time * 5 + 1e-6), []).append(samples[index])
    return {place / 5: round(float(np.median(levels)) / 2949.3) for place, levels in found.items()}


def times_from(start: float, numbers) -> list[tuple[float, int]]:
    return [(round(start + place / 25, 3), number) for place, number in enumerate(numbers)]


CASES: dict[str, tuple[Edits, list[int]]] = {
    "whole": ([(2.0, 0.0)], [*range(50)]),
    "begins later": ([(1.4, 0.6)], [*range(15, 50)]),
    "ends early": ([(0.8, 0.0)], [*range(20)]),
    "cut in the middle": ([(0.4, 0.0), (0.6, 1.2)], [*range(10), *range(30, 45)]),
    "repeated": ([(0.4, 0.0), (0.4, 0.0)], [*range(10), *range(10)]),
    "another order": ([(0.4, 1.2), (0.4, 0.2)], [*range(30, 40), *range(5, 15)]),
}


@pytest.mark.parametrize("name", CASES)
def test_pictures_play_as_the_list_says(source, tmp_path, name):
    edits, numbers = CASES[name]
    found = shown(edited(source, tmp_path / "a.mov", edits))
    assert [number for _, number in found] == numbers
    steps = np.diff([time for time, _ in found])
    assert 0.03 < steps.min() <= steps.max() < 0.13  # where pictures are reordered, a cut may take two frames more
    assert found[0][0] == 0


def test_sound_is_cut_with_the_pictures(source, tmp_path, placement):
    edits = [(0.4, 0.0), (0.6, 1.2)]
    path = edited(source, tmp_path / "a.mov", edits)
    job = Job(track="none", encoder_preset="ultrafast")
    (report,) = convert(path, tmp_path / "out.mov", placement.load, Settings(), job)
    assert report.frames == 25
    levels = heard(tmp_path / "out.mov")
    assert [levels[place / 5] for place in range(5)] == [1, 2, 7, 8, 9]


def test_a_late_start_stays_before_sound(source, tmp_path):
    """Of both tracks it is taken off."""
    path = edited(source, tmp_path / "a.mov", [(0.5, -1), (2.0, 0.0)])
    assert shown(path) == times_from(0, range(50))


@pytest.mark.parametrize(
    ("edits", "rate", "said"),
    [
        ([(0.4, 0.0), (0.5, -1), (0.4, 0.6)], 1 << 16, "plays nothing for a while between two parts"),
        ([(1.0, 0.0)], 1 << 15, "plays 0.5 times the speed"),
        ([(1.0, 0.0)], 1 << 17, "plays 2 times the speed"),
        ([(1.0, 0.4)], 0, "plays a still"),
    ],
)
def test_what_is_not_played_is_refused(source, tmp_path, edits, rate, said):
    path = edited(source, tmp_path / "a.mov", edits, rate)
    with pytest.raises(UserError, match=f"{said} by its edit list .*export it anew"):
        VideoReader(path)


@pytest.mark.parametrize("edits", [[(0.0, 0.0)], [(0.0, 0.6)], [(0.0, -1)], [(0.4, -1), (0.0, 0.0)]])
def test_a_list_that_plays_nothing_is_named(source, tmp_path, edits):
    path = edited(source, tmp_path / "a.mov", edits)
    with pytest.raises(UserError, match=r"plays none of its pictures by its edit list, whose parts last 0 s"):
        VideoReader(path)


@pytest.mark.parametrize("edits", [[(0.0, 0.0), (0.4, 0.2)], [(0.4, 0.2), (0.0, 0.8)], [(0.0, -1), (0.4, 0.2)]])
def test_parts_that_last_no_time_change_nothing(source, tmp_path, edits):
    assert [number for _, number in shown(edited(source, tmp_path / "a.mov", edits))] == [*range(5, 15)]


def test_a_torn_list_is_none(source, tmp_path):
    path = edited(source, tmp_path / "a.mov", [(2.0, 0.0)])
    data = path.read_bytes()
    path.write_bytes(data.replace(b"elst\0\0\0\0\0\0\0\1", b"elst\0\0\0\0\xff\xff\xff\xff"))
    assert len(shown(path)) > 0
