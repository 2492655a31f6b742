"""HDR10+: what is written is what was measured, in the JSON and in the stream."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from lumaflux.color import pq
from lumaflux.color.sdr_to_pq import sdr_to_pq
from lumaflux.color.st2094_40 import GuidedMapping
from lumaflux.errors import UserError
from lumaflux.media.metadata.hdr10plus import INDEXES, DynamicLight, Scene, read_json, with_message, write_json
from lumaflux.media.metadata.light_levels import LightLevels
from lumaflux.media.metadata.mastering import container_display
from lumaflux.media.video.hdr10_stream import Hdr10Encoding
from lumaflux.media.video.hdr10plus_room import fill_rooms, room
from lumaflux.media.video.hevc_light_sei import prefix_sei_nal
from lumaflux.media.video.writer import VideoWriter


def measured(*frames_nits):
    levels = LightLevels()
    for nits in frames_nits:
        levels.add_pq(pq.inverse_eotf(nits).astype(np.float32))
    return levels


def test_light_is_in_tenths_of_a_nit():
    frame = np.zeros((3, 10, 10))
    frame[0], frame[1], frame[2, :1] = 100.0, 50.0, 400.0
    light = DynamicLight.of(measured(frame))
    np.testing.assert_allclose(light.max_scl, (1000, 500, 4000), atol=2)
    assert light.average == pytest.approx(1300, abs=2)  # nine rows of 100 and one of 400 cd/m2
    # 1 %, 99.99 %, share up to 100 cd/m2, 25, 50, 75, 90 %, 95 %, 99.98 %
    np.testing.assert_allclose(light.distribution, [1000, 4000, 90] + [1000] * 4 + [4000] * 2, rtol=2e-3)


def test_the_three_entries_that_are_no_percentile_of_their_name():
    """A picture of 1000 x 100 pixels whose brightest lie so that 95, 99.98 and 99.99 % tell each other apart."""
    frame = np.full((3, 100, 1000), 60.0)  # 70 % at 60 cd/m2
    pixels = frame.reshape(3, -1)
    pixels[:, 70_000:] = 300.0  # up to 99.9 %
    pixels[:, 99_900:] = 700.0  # up to 99.985 %
    pixels[:, 99_985:] = 2000.0  # up to 99.995 %
    pixels[:, 99_995:] = 4000.0
    light = DynamicLight.of(measured(frame))
    named = dict(zip(INDEXES, light.distribution, strict=True))
    assert named[10] == 70
    for index, nits in {1: 60, 25: 60, 50: 60, 75: 300, 90: 300, 95: 300, 99: 700, 5: 2000}.items():
        assert named[index] == pytest.approx(10 * nits, rel=2e-3), index
    assert max(light.max_scl) == pytest.approx(40000, rel=1e-3)


@pytest.mark.parametrize(("nits", "share"), [(0.0, 100), (99.0, 100), (100.0, 100), (101.0, 0), (1000.0, 0)])
def test_the_share_up_to_100_includes_100(nits, share):
    assert DynamicLight.of(measured(np.full((3, 8, 8), nits))).distribution[2] == share


@pytest.mark.parametrize("seed", range(8))
def test_every_frame_keeps_the_constraints_of_version_1(seed):
    """What public tools validate, and what follows from the definitions: the message read back bit by bit."""
    rng = np.random.default_rng(seed)
    scale = 10 ** rng.uniform(-3, 4)
    frames = [np.minimum(scale * rng.gamma(0.5, size=(3, 30, 40)), 1e4) for _ in range(1 + seed % 3)]
    light = DynamicLight.of(measured(*frames))
    read = read_back(light.message())
    assert read.pop("head") == "b5003c000104"
    assert read.pop("rest") == 0
    assert (read["version"], read["windows"], read["targeted"], read["targeted_actual"]) == (1, 1, 0, 0)
    assert (read["bright"], read["mastering_actual"], read["tone_mapping"], read["saturation"]) == (0, 0, 0, 0)
    assert read["max_scl"] == light.max_scl
    assert read["average"] == light.average
    assert read["indexes"] == [1, 5, 10, 25, 50, 75, 90, 95, 99]
    values = dict(zip(read["indexes"], read["values"], strict=True))
    assert 0 <= values[10] <= 100
    rising = [values[index] for index in (1, 25, 50, 75, 90, 95, 99, 5)] + [max(read["max_scl"])]
    assert rising == sorted(rising)
    assert max(rising) <= 100_000
    assert read["average"] <= max(read["max_scl"])


def read_back(message) -> dict[str, Any]:
    """Rec. ITU-T T.35 user data of ST 2094-40, version 1, by its syntax table."""
    bits = "".join(f"{byte:08b}" for byte in message[6:])
    place = 0

    def take(width):
        nonlocal place
        place += width
        return int(bits[place - width : place], 2)

    read = {"head": message[:6].hex(), "version": take(8), "windows": take(2), "targeted": take(27)}
    read |= {"targeted_actual": take(1), "max_scl": (take(17), take(17), take(17)), "average": take(17)}
    pairs = [(take(7), take(17)) for _ in range(take(4))]
    read |= {"indexes": [index for index, _ in pairs], "values": [value for _, value in pairs], "bright": take(10)}
    read |= {"mastering_actual": take(1), "tone_mapping": take(1)}
    if read["tone_mapping"]:
        read |= {"knee": (take(12), take(12)), "anchors": tuple(take(10) for _ in range(take(4)))}
    read["saturation"] = take(1)
    return read | {"rest": int(bits[place:] or "0", 2)}


CURVE = GuidedMapping(target_nits=203, knee=(64, 333), anchors=(300, 480, 610, 700, 780, 850, 900, 950, 1023))


def test_profile_b_in_the_message_and_in_the_json(tmp_path):
    light = DynamicLight(max_scl=(7127, 0, 100000), average=904, distribution=tuple(range(9)), mapping=CURVE)
    read = read_back(light.message())
    assert (read["targeted"], read["tone_mapping"], read["saturation"], read["rest"]) == (203, 1, 0, 0)
    assert (read["knee"], read["anchors"]) == (CURVE.knee, CURVE.anchors)
    scenes = [Scene(frames=2, light=light), Scene(frames=1, light=replace(light, average=7))]
    write_json(tmp_path / "b.json", scenes)
    assert read_json(tmp_path / "b.json") == scenes
    made = json.loads((tmp_path / "b.json").read_text())
    assert made["JSONInfo"]["HDR10plusProfile"] == "B"
    first = made["SceneInfo"][0]
    assert first["BezierCurveData"] == {"Anchors": list(CURVE.anchors), "KneePointX": 64, "KneePointY": 333}
    assert first["TargetedSystemDisplayMaximumLuminance"] == 203
    (tmp_path / "no.json").write_text('{"SceneInfo": [{"SceneId": 0}]}')
    with pytest.raises(UserError, match=r"no HDR10\+ metadata"):
        read_json(tmp_path / "no.json")


@pytest.mark.parametrize("fill", [0, 1, 3, 255])
def test_a_room_takes_any_message(tmp_path, fill):
    """Zeros need the most emulation prevention bytes; no byte of the file moves."""
    path = tmp_path / "stream"
    path.write_bytes(b"before" + room(1) + b"between" + room(0) + b"behind")
    size = path.stat().st_size
    fill_rooms(path, [(0, 1, bytes([fill]) * 64)])
    made = path.read_bytes()
    assert len(made) == size
    assert made.count(prefix_sei_nal(4, bytes([fill]) * 64)[:60]) == 2
    assert made.index(b"between") == 6 + len(room(0))


def test_rooms_and_frames_must_match(tmp_path):
    path = tmp_path / "stream"
    path.write_bytes(room(0) + room(2))
    with pytest.raises(ValueError, match="1 frames"):
        fill_rooms(path, [(0, 2, b"x")])
    path.write_bytes(room(0) + room(0))
    with pytest.raises(ValueError, match="room of its own"):
        fill_rooms(path, [(0, 1, b"x")])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_every_frame_of_a_stream_of_profile_b_carries_its_shot(tmp_path, suffix):
    """Two shots; the pictures come out of the encoder in another order than they went in."""
    path, rng = tmp_path / f"out{suffix}", np.random.default_rng(1)
    encoding = Hdr10Encoding(
        width=64, height=48, time_base=Fraction(1, 25), frame_rate=Fraction(25), sample_aspect_ratio=Fraction(1),
        display=container_display(1000), preset="ultrafast", dynamic=True, targeted=203,
    )  # fmt: skip
    shots = [0.3 * rng.random((3, 48, 64)), 0.6 + 0.4 * rng.random((3, 48, 64))]
    writer = VideoWriter(path, (64, 48), encoding)
    with writer:
        for number in range(24):
            sdr = shots[number // 12]
            writer.write(np.asarray(sdr_to_pq(sdr), np.float32), number, sdr=sdr)
    messages = [shot.dynamic.message() for shot in writer.levels.shots for _ in range(shot.first, shot.last + 1)]
    assert [(shot.first, shot.last) for shot in writer.levels.shots] == [(0, 11), (12, 23)]
    assert messages[0] != messages[-1]
    found = {}
    container: Any
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            data = bytes(packet)
            if data:
                place = data.index(prefix_sei_nal(4, messages[0])[:10])  # header, type, size, head of T.35
                found[packet.pts] = data[place : place + 112]
    by_time = [nal for _, nal in sorted(found.items())]
    assert len(by_time) == 24
    for nal, message in zip(by_time, messages, strict=True):
        assert nal.startswith(prefix_sei_nal(4, message)[:-1])
    with av.open(str(path)) as container:
        kinds = [{item.type.name for item in frame.side_data} for frame in container.decode(video=0)]
    assert all("DYNAMIC_HDR_PLUS" in kind for kind in kinds)
    assert len(kinds) == 24


def test_a_scene_is_the_light_of_all_its_frames():
    dark, bright = np.full((3, 4, 4), 10.0), np.full((3, 4, 4), 1000.0)
    light = DynamicLight.of(measured(dark, bright))
    assert light.average == pytest.approx(5050, rel=1e-3)
    np.testing.assert_allclose(light.max_scl, [10000] * 3, rtol=1e-3)
    assert light.distribution[0] == pytest.approx(100, abs=2)
    assert light.distribution[2] == 50
    assert light.distribution[-1] == pytest.approx(10000, rel=2e-3)


def test_black_and_full_light_stay_in_range():
    assert DynamicLight.of(measured(np.zeros((3, 2, 2)))).max_scl == (0, 0, 0)
    assert DynamicLight.of(measured(np.full((3, 2, 2), 10000.0))).max_scl == (100000,) * 3


def test_an_access_unit_without_a_slice_is_refused():
    with pytest.raises(ValueError, match="no slice"):
        with_message(b"\0\0\0\1\x40\1abc", b"x")


def test_the_json_has_an_entry_a_frame(tmp_path):
    one = DynamicLight(max_scl=(3, 2, 1), average=2, distribution=tuple(range(9)))
    two = DynamicLight(max_scl=(30, 20, 10), average=20, distribution=tuple(range(10, 19)))
    write_json(tmp_path / "out.json", [Scene(frames=2, light=one), Scene(frames=3, light=two)])
    made = json.loads((tmp_path / "out.json").read_text())
    assert made["JSONInfo"]["HDR10plusProfile"] == "A"
    entries = made["SceneInfo"]
    assert [entry["SequenceFrameIndex"] for entry in entries] == [0, 1, 2, 3, 4]
    assert [(entry["SceneId"], entry["SceneFrameIndex"]) for entry in entries] == [
        (0, 0), (0, 1), (1, 0), (1, 1), (1, 2)
    ]  # fmt: skip
    assert entries[4]["LuminanceParameters"]["MaxScl"] == [30, 20, 10]
    assert made["SceneInfoSummary"] == {"SceneFirstFrameIndex": [0, 2], "SceneFrameNumbers": [2, 3]}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_every_frame_of_the_stream_carries_its_own_light(tmp_path, suffix):
    levels_nits = [1.0, 10.0, 100.0, 400.0, 50.0, 5.0, 900.0]
    path = tmp_path / f"out{suffix}"
    encoding = Hdr10Encoding(
        width=64, height=48, time_base=Fraction(1, 25), frame_rate=Fraction(25), sample_aspect_ratio=Fraction(1),
        display=container_display(1000), preset="ultrafast", dynamic=True,
    )  # fmt: skip
    with VideoWriter(path, (64, 48), encoding) as writer:
        for number, nits in enumerate(levels_nits):
            writer.write(pq.inverse_eotf(np.full((3, 48, 64), nits)).astype(np.float32), number)
    container: Any
    with av.open(str(path)) as container:
        payloads = [
            bytes(item) for frame in container.decode(video=0) for item in frame.side_data
            if item.type.name == "DYNAMIC_HDR_PLUS"
        ]  # fmt: skip
    assert len(payloads) == len(levels_nits)
    for payload, nits in zip(payloads, levels_nits, strict=True):
        assert _averages(payload) == pytest.approx(nits / 10000, rel=0.02, abs=1.5e-5)  # a 10-bit code


def _averages(payload):
    """The mean of max(R,G,B) in libavutil's AVDynamicHDRPlus: found by its nine percentages behind it."""
    words = np.frombuffer(payload[: len(payload) // 4 * 4], np.int32)
    place = next(i for i in range(len(words) - 27) if tuple(words[i : i + 27 : 3].astype(int) & 0xFF) == INDEXES)
    assert words[place - 1] == len(INDEXES)
    return words[place - 3] / words[place - 2]
