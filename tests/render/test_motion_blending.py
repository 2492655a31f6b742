"""Motion blending in conversion: the same pixels for any part and order, never across a cut, and off as before."""

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.errors import FrameError, MissingExtraError, UserError
from lumaflux.inference import motion
from lumaflux.inference.tone_track import Clip, ToneTrack
from lumaflux.inference.weights import weights_identity
from lumaflux.options import ModelOptions, SourceOptions
from lumaflux.render import Job, convert
from lumaflux.render.analysis import ClipAnalysis
from lumaflux.render.motion_blending import MotionBlending
from lumaflux.render.tones import Tones
from lumaflux.settings import Settings

FRAMES, CUT = 10, 6
needs_opencv = pytest.mark.skipif(not motion.available(), reason="needs OpenCV: pip install 'lumaflux[motion]'")


@pytest.fixture(scope="module")
def converter():
    from lumaflux.inference.load import load

    return load("tiny", device="cpu")


def pictures(seed=0):
    """A camera that pans by two pixels a frame, over one scene up to CUT and over another one from there."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(FRAMES):
        if number in (0, CUT):
            wide = np.kron(rng.random((3, 8, 20)), np.ones((6, 6))) * (0.9 if number == 0 else 0.25)
        at = 2 * (number % CUT)
        found.append(np.ascontiguousarray(wide[:, :32, at : at + 48], dtype=np.float32))
    return found


def track_of(converter, frames):
    analysis = ClipAnalysis(converter, Settings())
    for frame in frames:
        analysis.see(frame)
    return ToneTrack(clip=Clip(name="drawn", frames=len(frames), digest=""), model="tiny", shots=analysis.shots())


def blending(converter, frames, amount=1.0, track=None, asked=None):
    def read(number):
        if asked is not None:
            asked.append(number)
        return frames[number] if number < len(frames) else None

    return MotionBlending(converter, Tones(track or track_of(converter, frames)), Settings(), amount, read)


def gains(made, frames, numbers):
    return {number: made.light(number, frames[number]).gain.numpy().copy() for number in numbers}


@needs_opencv
def test_any_order_and_any_part_give_the_same(converter):
    frames = pictures()
    track = track_of(converter, frames)
    assert [shot.first for shot in track.shots] == [0, CUT]
    whole = gains(blending(converter, frames, track=track), frames, range(FRAMES))
    for order in (range(FRAMES - 1, -1, -1), (7, 2, 3, 9, 0), (4,)):
        for number, gain in gains(blending(converter, frames, track=track), frames, order).items():
            assert np.array_equal(gain, whole[number])
    off = gains(blending(converter, frames, 0.0, track), frames, range(FRAMES))
    assert all((whole[number] != off[number]).any() for number in range(FRAMES))


@needs_opencv
def test_it_stays_inside_its_shot(converter):
    """What comes after the cut decides nothing before it, and is not even read."""
    frames, asked = pictures(), []
    track = track_of(converter, frames)
    before = gains(blending(converter, frames, track=track, asked=asked), frames, range(CUT))
    assert max(asked) < CUT
    changed = frames[:CUT] + [1 - frame for frame in frames[CUT:]]
    after = gains(blending(converter, changed, track=track), changed, range(CUT))
    assert all(np.array_equal(before[number], after[number]) for number in range(CUT))
    asked.clear()
    gains(blending(converter, frames, track=track, asked=asked), frames, [CUT])
    assert sorted(asked) == [CUT + 1, CUT + 2]


@needs_opencv
def test_each_light_is_found_once_in_order(converter, monkeypatch):
    frames, found = pictures(), []
    timed = converter.light_timed
    monkeypatch.setattr(converter, "light_timed", lambda *args, **how: found.append(1) or timed(*args, **how))
    made = blending(converter, frames)
    gains(made, frames, range(FRAMES))
    assert len(found) == FRAMES
    assert {"sample", "motion", "decode"} <= set(made.seconds)


@needs_opencv
def test_a_neighbour_that_cannot_be_read_has_no_share(converter):
    frames = pictures()
    track = track_of(converter, frames)
    holed = MotionBlending(
        converter, Tones(track), Settings(), 1.0, lambda number: None if number == 2 else frames[number]
    )
    alone = MotionBlending(converter, Tones(track), Settings(), 1.0, lambda number: None)
    nothing = blending(converter, frames, 0.0, track)
    own, part, whole = (made.light(3, frames[3]).gain for made in (nothing, holed, blending(converter, frames)))
    assert (part != own).any()
    assert (part != whole).any()
    assert (alone.light(3, frames[3]).gain == own).all()


def test_strength_0_needs_no_light(converter):
    made = MotionBlending(converter, Tones(), Settings(strength=0.0), 1.0, lambda number: None)
    assert made.light(0, pictures()[0]) is None


@pytest.fixture
def plates(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number, frame in enumerate(pictures(), 11):
        codes = np.round(255 * frame.transpose(1, 2, 0)).astype(np.uint8)
        assert oiio.ImageBuf(np.ascontiguousarray(codes)).write(str(folder / f"s.{number:04d}.png"))
    return folder / "s.%04d.png"


def codes_of(path):
    return np.asarray(oiio.ImageBuf(str(path)).get_pixels(oiio.UINT16))


def shown(folder):
    return {path.name: codes_of(path) for path in sorted(folder.glob("*.png"))}


@needs_opencv
def test_parts_of_a_sequence_are_those_of_the_whole(converter, plates, tmp_path):
    def run(name, source=plates, **job):
        convert(source, tmp_path / name / "h.%04d.png", lambda: converter, Settings(), Job(motion_blending=1.0, **job))
        return shown(tmp_path / name)

    whole = run("whole")
    assert len(whole) == FRAMES
    for name, job in (("part", {"frames": "13-14,20"}), ("few", {"limit": 4}), ("odd", {"frames": "11-20x2"})):
        part = run(name, **job)
        assert 0 < len(part) < FRAMES
        assert all(np.array_equal(pixels, whole[file]) for file, pixels in part.items())
    convert(plates, tmp_path / "off" / "h.%04d.png", lambda: converter, Settings(), Job())
    assert any(not np.array_equal(pixels, whole[file]) for file, pixels in shown(tmp_path / "off").items())


@needs_opencv
def test_a_clip_and_its_preview(converter, plates, tmp_path):
    clip = tmp_path / "clip.mkv"
    convert(plates, clip, lambda: converter, Settings(), Job(deliver="ffv1"))  # any clip: read as if it were SDR
    from lumaflux.inference.tone_track import text_of
    from lumaflux.render.source import Source
    from lumaflux.render.tones import ToneRequest, analyze

    track = tmp_path / "track.json"
    asked = ToneRequest(converter=converter, model=weights_identity(ModelOptions()), settings=Settings())
    track.write_text(text_of(analyze(Source(clip, SourceOptions(force_sdr=True)), asked)))
    how = {"track": str(track), "motion_blending": 0.7, "force_sdr": True}
    convert(clip, tmp_path / "whole" / "h.%04d.png", lambda: converter, Settings(), Job(**how))
    convert(clip, tmp_path / "part" / "h.%04d.png", lambda: converter, Settings(), Job(frames="3-4,9", **how))
    convert(clip, tmp_path / "p.png", lambda: converter, Settings(), Job(preview=4, **how))
    whole, part = shown(tmp_path / "whole"), shown(tmp_path / "part")
    assert sorted(part) == ["h.0003.png", "h.0004.png", "h.0009.png"]
    assert all(np.array_equal(pixels, whole[file]) for file, pixels in part.items())
    assert np.array_equal(codes_of(tmp_path / "p.png"), whole["h.0004.png"])


@needs_opencv
def test_resuming_makes_what_a_changed_neighbour_has_a_share_in(converter, plates, exported_again, tmp_path):
    target, job = tmp_path / "out" / "h.%04d.png", Job(motion_blending=1.0)
    convert(plates, target, lambda: converter, Settings(), job)
    (report,) = convert(plates, target, lambda: converter, Settings(), job)
    assert (report.frames, report.skipped) == (0, FRAMES)
    exported_again(plates.with_name("s.0013.png"))
    (report,) = convert(plates, target, lambda: converter, Settings(), job)
    assert (report.frames, report.skipped) == (5, FRAMES - 5)
    with pytest.raises(UserError, match="another motion_blending"):
        convert(plates, target, lambda: converter, Settings(), Job(motion_blending=0.5))


@needs_opencv
@pytest.mark.parametrize(
    ("job", "settings", "said"),
    [
        ({"motion_blending": 1.5}, {}, "must be between 0 and 1"),
        ({"motion_blending": float("nan")}, {}, "must be between 0 and 1"),
        ({"motion_blending": 0.5, "track": "none"}, {}, "inside shots"),
        ({"motion_blending": 0.5}, {"detail": 0.0}, "raise the detail"),
    ],
)
def test_what_cannot_be_is_refused(plates, tmp_path, job, settings, said):
    with pytest.raises(UserError, match=said):
        convert(plates, tmp_path / "h.%04d.png", pytest.fail, Settings(**settings), Job(**job))


@needs_opencv
def test_pictures_have_no_neighbours(plates, tmp_path):
    for source in (plates.parent, plates.with_name("s.0011.png")):
        with pytest.raises(UserError, match="leave --motion-blending out"):
            convert(source, tmp_path / "out", pytest.fail, Settings(), Job(motion_blending=0.5))


def test_without_opencv_the_extra_is_named_before_any_work(plates, tmp_path, monkeypatch):
    monkeypatch.setattr(motion, "_cv2", lambda: None)
    with pytest.raises(MissingExtraError, match=r"lumaflux\[motion\]"):
        convert(plates, tmp_path / "h.%04d.png", pytest.fail, Settings(), Job(motion_blending=0.5))
    assert not (tmp_path / "h.0011.png").exists()


@needs_opencv
def test_a_damaged_neighbour_ends_the_work_or_has_no_share(converter, plates, tmp_path):
    """Plate 16, the last of its shot, is damaged; 14 and 15 would be made of it, too."""
    plates.with_name("s.0016.png").write_bytes(b"no picture")
    from lumaflux.inference.tone_track import text_of
    from lumaflux.render.analysis import clip_of

    frames = pictures()
    found = track_of(converter, frames)
    track = tmp_path / "track.json"
    about = {"clip": clip_of(plates, FRAMES), "model": weights_identity(ModelOptions())}
    track.write_text(text_of(found.model_copy(update=about)))
    how = {"track": str(track), "motion_blending": 1.0}
    with pytest.raises(FrameError, match="0016"):
        convert(plates, tmp_path / "a" / "h.%04d.png", lambda: converter, Settings(), Job(**how))
    assert sorted(shown(tmp_path / "a")) == ["h.0011.png", "h.0012.png", "h.0013.png"]
    how["keep_going"] = True
    convert(plates, tmp_path / "b" / "h.%04d.png", lambda: converter, Settings(), Job(**how))
    convert(plates, tmp_path / "c" / "h.%04d.png", lambda: converter, Settings(), Job(frames="15", **how))
    whole = shown(tmp_path / "b")
    assert len(whole) == FRAMES - 1
    assert np.array_equal(shown(tmp_path / "c")["h.0015.png"], whole["h.0015.png"])
    assert all(np.array_equal(pixels, whole[name]) for name, pixels in shown(tmp_path / "a").items())
