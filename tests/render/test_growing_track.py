"""Shots are told while later ones are looked for, and are those of the whole track."""

import signal
import threading
import time
from dataclasses import replace
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

import lumaflux
from lumaflux.errors import FrameError, UserError
from lumaflux.inference.highlights import LARGEST_RECOVERY
from lumaflux.inference.tone import Tone
from lumaflux.progress import show_progress
from lumaflux.render import Job
from lumaflux.render.analysis import ClipAnalysis
from lumaflux.render.clip import convert_clip
from lumaflux.render.growing_track import GrowingTrack
from lumaflux.render.request import Request
from lumaflux.render.source import Source
from lumaflux.render.tones import Tones, growing_tones_of, tones_of
from lumaflux.settings import Settings


@pytest.fixture(scope="module")
def converter():
    return lumaflux.load("tiny", device="cpu")


def scene(seed, level=1.0):
    patches = np.random.default_rng(seed).uniform(0.2, 0.8, (3, 8, 8)).astype(np.float32)
    return level * np.kron(patches, np.ones((1, 4, 6), np.float32))


def film():
    """A cut, bars for a shot, a dissolve, and a long end: frames [3,32,48]."""
    barred = scene(1)
    barred[:, :5], barred[:, 27:] = 0, 0
    shares = (np.arange(16) + 1) / 17
    mixed = [((1 - share) * scene(2) + share * scene(3)).astype(np.float32) for share in shares]
    return [scene(0)] * 20 + [barred] * 20 + [scene(2)] * 20 + mixed + [scene(3)] * 20 + [scene(4, 0.5)] * 100


class Told(ClipAnalysis):
    """Looks at pictures, and keeps how many frames had been seen when each shot was told."""

    def see_frame(self, frame: Any):
        self.see(frame)

    def known_shots(self):
        shots = super().known_shots()
        self.when = [*getattr(self, "when", []), *repeat(self.frames, len(shots))]
        return shots


def growing(pictures, analysis, name: str) -> GrowingTrack:
    """Of pictures instead of a reader's frames, which the analysis here takes."""
    return GrowingTrack(pictures, analysis, name)


@pytest.fixture
def quick(converter, monkeypatch):
    """Instead of the network: a tone that tells pictures apart to the last bit."""
    knots = converter.tone_of(scene(0)).knots

    def tone_of(picture, settings, area, *, clipped=None):
        own = 0.5 + picture.double().mean().float()
        stops = None if clipped is None else (LARGEST_RECOVERY * clipped * own).clamp(max=LARGEST_RECOVERY)
        return Tone(placement=None, knots=replace(knots, derivatives=knots.derivatives * own), area=area, stops=stops)

    monkeypatch.setattr(converter, "tone_of", tone_of)
    return converter


@pytest.mark.parametrize("lit", [False, True])
def test_shots_that_are_told_early_are_those_of_the_whole(quick, lit, monkeypatch):
    monkeypatch.setattr(type(quick), "recovers", property(lambda self: lit))
    whole, frames = ClipAnalysis(quick, Settings()), [frame.copy() for frame in film()]
    for number in range(0, len(frames), 5):  # a lamp that is there for two frames of five
        for frame in frames[number : number + 2]:
            frame[:, 12:15, 16:20] = 1.0
    track = growing(lambda told: (frame for frame in frames), analysis := Told(quick, Settings()), "film")
    for frame in frames:
        whole.see(frame)
    track.wait_for(195)
    track.close()
    assert track.shots == whole.shots()
    lights = sum(len(shot.lights) for shot in track.shots)
    assert lights > 2 * sum(len(shot.keys) for shot in track.shots) if lit else lights == 0
    assert [(shot.first, shot.last) for shot in track.shots][:2] == [(0, 19), (20, 39)]
    assert len(analysis.when) == len(track.shots) - 1  # only the last waits for the end
    assert all(81 <= when - shot.last <= 84 for when, shot in zip(analysis.when[:2], track.shots, strict=False))


def test_a_shot_that_is_told_is_rendered_while_the_pass_goes_on(quick):
    rendered = threading.Event()

    def frames(told):
        for number, frame in enumerate(film()):
            assert number < 190 or rendered.wait(60)
            yield frame

    track = growing(frames, Told(quick, Settings()), "film")
    assert track.shot_of(3).tone_at(3).knots is not None
    assert len(track.shots) < 6
    rendered.set()
    assert track.shot_of(1000).last == 195  # beyond the end
    track.close()


def test_frames_are_seen_while_the_tone_of_a_key_is_found(quick, monkeypatch):
    seen, find = threading.Event(), quick.tone_of

    def tone_of(*given, **named):
        assert seen.wait(60)  # of the first frame, until the twentieth was looked at
        return find(*given, **named)

    def frames(told):
        for number, frame in enumerate(film()):
            if number == 20:
                seen.set()
            yield frame

    monkeypatch.setattr(quick, "tone_of", tone_of)
    track = growing(frames, Told(quick, Settings()), "film")
    assert track.shot_of(0).last == 19
    track.close()


@pytest.mark.parametrize("failing", [True, False])
def test_what_ends_the_pass_is_said_where_a_tone_is_waited_for(quick, failing):
    def frames(told):
        yield from [scene(0)] * 3 if failing else []
        if failing:
            raise UserError("the disk is gone")

    track = growing(frames, Told(quick, Settings()), "film")
    with pytest.raises(UserError, match="disk is gone" if failing else "film holds no frames"):
        Tones(growing=track).wait_for(0)
    track.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "in.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "crf": "10"})
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        for number in range(112):
            picture = scene(0 if number < 8 else 1).transpose(1, 2, 0)
            frame = np.ascontiguousarray((255 * picture).astype(np.uint8))
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode())
    return path


def pictures_of(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def test_a_clip_becomes_the_same_as_after_a_whole_pass(quick, clip, tmp_path):
    job = Job(limit=12, encoder_preset="ultrafast")
    for name, find_tones in (("growing", growing_tones_of), ("whole", tones_of)):
        done = []
        request = Request(
            load_converter=lambda: quick,
            settings=Settings(steps=1),
            job=job,
            progress=lambda frames, total, done=done: done.append((frames, total)),
            find_tones=find_tones,
        )
        report = convert_clip(Source(clip, job), tmp_path / f"{name}.mp4", request)
        assert report.frames == 12
        assert report.stages["analyze"] > 0
        assert done[-1] == (12, 12)
    growing, whole = (pictures_of(tmp_path / f"{name}.mp4") for name in ("growing", "whole"))
    assert len(growing) == 12
    assert all(np.array_equal(one, other) for one, other in zip(growing, whole, strict=True))


def test_an_interrupt_while_a_tone_is_waited_for_keeps_what_is_finished(quick, clip, tmp_path):
    whole = ClipAnalysis(quick, Settings())
    for frame in [scene(0)] * 8:
        whole.see(frame)
    told = iter([whole.shots()])
    analysis = SimpleNamespace(see_frame=lambda frame: time.sleep(0.005), known_shots=lambda: next(told, []))
    track = growing(lambda note: (frame for frame in repeat(None)), analysis, "endless")

    def progress(frames, total):
        if frames == 8:
            threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()

    setattr(progress, "name_wait", (waits := []).append)  # noqa: B010 (functions have none)
    job = Job(encoder_preset="ultrafast")
    request = Request(
        load_converter=lambda: quick,
        settings=Settings(steps=1),
        job=job,
        progress=progress,
        find_tones=lambda *asked: Tones(growing=track),
    )
    with pytest.raises(KeyboardInterrupt, match="the 8 frames that were finished are in ") as ended:
        convert_clip(Source(clip, job), tmp_path / "in-hdr.mp4", request)
    assert vars(ended.value)["reports"][0].frames == 8
    assert set(waits) == {"the tone of its shot (0 of ? frames looked at)"}
    assert not track._thread.is_alive()
    assert len(pictures_of(tmp_path / "in-hdr.partial.mp4")) == 8


@pytest.mark.parametrize("kind", [UserError, FrameError])
def test_what_ends_the_pass_later_is_said_at_once_unless_it_is_a_frame(quick, kind):
    told = threading.Event()

    def frames(note):
        for number, frame in enumerate(film()):
            if number == 190:
                assert told.wait(60)
                raise kind("it is gone")
            yield frame

    track = growing(frames, Told(quick, Settings()), "film")
    track.wait_for(3)
    told.set()
    with pytest.raises(kind):
        track.wait_for(1000)
    if kind is FrameError:
        assert track.wait_for(3)
    else:
        with pytest.raises(kind):
            track.wait_for(3)
    track.close()


def test_plain_progress_and_the_bar_say_what_is_waited_for(capsys, monkeypatch):
    progress: Any
    bar: Any
    with show_progress("in.mp4", "plain") as progress:
        for now in (10.0, 11.0, 13.0):  # one line in two seconds
            monkeypatch.setattr(time, "monotonic", lambda now=now: now)
            progress.name_wait("a tone")
    assert capsys.readouterr().err == 2 * "in.mp4: waits for a tone\n"
    monkeypatch.undo()
    with show_progress("in.mp4") as bar:
        bar.name_wait("a tone")
        assert bar._bar.tasks[0].description == "in.mp4: waits for a tone"
        bar(3, 10)
        assert bar._bar.tasks[0].description == "in.mp4"
