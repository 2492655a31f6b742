"""Numbered sequences in and out: names, missing frames, chosen frames, resuming."""

from fractions import Fraction

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.color import pq
from lumaflux.errors import FrameError, UserError
from lumaflux.media.metadata.info import probe
from lumaflux.render.clip import refuse_damage
from lumaflux.settings import Settings


def written(folder):
    return sorted(p.name for p in folder.iterdir() if p.suffix not in (".json", ".jsonl"))


def light_of(path):
    return np.asarray(oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT))


@pytest.mark.parametrize(
    ("name", "pattern"), [("s.%04d.png", "s.%04d.png"), ("s.%04d.tif", "s.####.tif"), ("s_%d.png", "s_@.png")]
)
def test_sequences_by_any_notation_and_start(run, make_pictures, tmp_path, name, pattern):
    folder = make_pictures(name, range(998, 1003))
    (report,) = run(folder / pattern, tmp_path / "out" / "h.%05d.exr")
    assert written(tmp_path / "out") == [f"h.{n:05d}.exr" for n in range(998, 1003)]
    assert (report.frames, report.delivery, report.damaged) == (5, "exr", 0)
    first, last = (light_of(tmp_path / "out" / f"h.{n:05d}.exr")[12, 16, 0] for n in (998, 1002))
    assert last > first > 0


def test_missing_frames_are_named(run, make_pictures, tmp_path):
    folder = make_pictures("s.%04d.png", [1, 2, 5, 7, 8])
    with pytest.raises(UserError, match=r"lacks the frames 3-4,6; .*--keep-going"):
        run(folder / "s.%04d.png", tmp_path / "out" / "h.%04d.png")
    assert not (tmp_path / "out").exists()
    (report,) = run(folder / "s.%04d.png", tmp_path / "out" / "h.%04d.png", keep_going=True)
    assert written(tmp_path / "out") == [f"h.{n:04d}.png" for n in (1, 2, 5, 7, 8)]
    assert any("3-4,6" in note for note in report.notes)
    with pytest.raises(FrameError, match="3 places"):
        refuse_damage(report)


@pytest.mark.parametrize(
    ("text", "numbers"), [("3-9x3", [3, 6, 9]), ("3-9:3", [3, 6, 9]), ("2,5-6", [2, 5, 6]), ("4", [4])]
)
def test_chosen_frames(run, make_pictures, tmp_path, text, numbers):
    folder = make_pictures("s.%04d.png", range(1, 11))
    run(folder / "s.####.png", tmp_path / "out" / "h.%04d.tif", frames=text)
    assert written(tmp_path / "out") == [f"h.{n:04d}.tif" for n in numbers]


@pytest.mark.parametrize("text", ["", "a-b", "1-", "1-99999999999", "1..3"])
def test_frames_that_are_none(run, make_pictures, tmp_path, text):
    folder = make_pictures("s.%04d.png", [1])
    with pytest.raises(UserError, match="names no frames"):
        run(folder / "s.####.png", tmp_path / "h.%04d.tif", frames=text)


def test_start_number_and_clip_to_sequence(run, make_pictures, make_clip, tmp_path):
    folder = make_pictures("s.%04d.png", [7, 8])
    run(folder / "s.%04d.png", tmp_path / "a" / "h.%04d.dpx", start_number=1001)
    assert written(tmp_path / "a") == ["h.1001.dpx", "h.1002.dpx"]
    run(make_clip(frames=4), tmp_path / "b" / "h.%04d.png", start_number=1001, frames="1-2")
    assert written(tmp_path / "b") == ["h.1002.png", "h.1003.png"]
    assert probe(tmp_path / "b" / "h.1002.png").transfer.value == "pq"


def test_sequence_to_clip(run, make_pictures, tmp_path):
    folder = make_pictures("s.%04d.png", range(5, 9))
    (report,) = run(folder / "s.%04d.png", tmp_path / "out.mov", fps="24000/1001")
    info = probe(tmp_path / "out.mov")
    assert (report.frames, info.frame_count) == (4, 4)
    assert info.frame_rate == Fraction(24000, 1001)


def test_resuming_renders_what_is_not_there(run, placement, make_pictures, exported_again, tmp_path):
    source, target = make_pictures("s.%04d.png", range(1, 7)) / "s.%04d.png", tmp_path / "out" / "h.%04d.exr"
    run(source, target)
    (report,) = run(source, target)
    assert (report.frames, report.skipped, placement.loads, placement.frames) == (0, 6, 1, 6)
    (tmp_path / "out" / "h.0002.exr").unlink()
    damaged = tmp_path / "out" / "h.0004.exr"
    whole = light_of(damaged)
    damaged.write_bytes(damaged.read_bytes()[:200])
    exported_again(tmp_path / "in" / "s.0005.png")
    (report,) = run(source, target)
    assert (report.frames, report.skipped) == (3, 3)
    np.testing.assert_array_equal(light_of(damaged), whole)


def test_other_settings_or_origins_are_not_mixed(run, make_pictures, tmp_path):
    source, target = make_pictures("s.%04d.png", [1, 2]) / "s.%04d.png", tmp_path / "out" / "h.%04d.exr"
    run(source, target)
    before = (tmp_path / "out" / "h.0001.exr").read_bytes()
    with pytest.raises(UserError, match="holds 2 frames made with another reference_white"):
        run(source, target, Settings(reference_white=300))
    with pytest.raises(UserError, match="another model"):
        run(source, target, model="other")
    with pytest.raises(UserError, match="exr_compression"):
        run(source, target, exr_compression="piz")
    with pytest.raises(UserError, match="--no-resume"):
        run(source, target, resume=False)
    assert (tmp_path / "out" / "h.0001.exr").read_bytes() == before
    (report,) = run(source, target, Settings(reference_white=300), overwrite=True)
    assert report.frames == 2
    assert (tmp_path / "out" / "h.0001.exr").read_bytes() != before
    (tmp_path / "out" / "h.lumaflux.json").unlink()
    with pytest.raises(UserError, match="unknown origin"):
        run(source, target)


def test_chunks_of_one_sequence_go_together(run, make_pictures, tmp_path):
    source = make_pictures("s.%04d.png", range(1, 7)) / "s.%04d.png"
    run(source, tmp_path / "a" / "h.%04d.exr")
    for chunk in ("4-6", "1-3"):
        run(source, tmp_path / "b" / "h.%04d.exr", frames=chunk)
    for number in range(1, 7):
        name = f"h.{number:04d}.exr"
        np.testing.assert_array_equal(light_of(tmp_path / "a" / name), light_of(tmp_path / "b" / name))


def test_the_input_itself_is_no_target(run, make_pictures):
    folder = make_pictures("s.%04d.png", [1])
    with pytest.raises(UserError, match="input itself"):
        run(folder / "s.%04d.png", folder / "s.%04d.png", overwrite=True)


def test_changing_sizes_and_damaged_pictures(run, make_pictures, tmp_path):
    folder = make_pictures("s.%04d.png", [1, 2])
    make_pictures("s.%04d.png", [3], size=(10, 12))
    (folder / "s.0002.png").write_bytes((folder / "s.0002.png").read_bytes()[:70])
    with pytest.raises(FrameError, match=r"s\.0002\.png"):
        run(folder / "s.%04d.png", tmp_path / "a" / "h.%04d.png")
    assert written(tmp_path / "a") == ["h.0001.png"]
    (report,) = run(folder / "s.%04d.png", tmp_path / "a" / "h.%04d.png", keep_going=True)
    assert report.damaged == 2
    assert "12x10 and not 32x24" in " ".join(report.notes)


def test_alpha_is_kept_or_named(run, make_pictures, tmp_path):
    folder = make_pictures("s.%04d.png", [1, 2], channels=4)
    (report,) = run(folder / "s.%04d.png", tmp_path / "h.%04d.exr")
    assert light_of(tmp_path / "h.0001.exr").shape[-1] == 4
    assert report.notes == []
    (report,) = run(folder / "s.%04d.png", tmp_path / "h.mp4")
    assert report.notes == ["Alpha is left out: hdr10 holds none."]


def test_previews(run, make_pictures, make_clip, tmp_path):
    folder = make_pictures("s.%04d.png", range(1, 5))
    run(folder / "s.%04d.png", tmp_path / "a.png", preview=3)
    run(make_clip(frames=4), tmp_path / "b.exr", preview=2)
    assert light_of(tmp_path / "b.exr").shape == (48, 64, 3)
    for source in (folder / "s.%04d.png", tmp_path / "clip.mp4"):
        with pytest.raises(UserError, match="99"):
            run(source, tmp_path / "c.png", preview=99)


def test_one_name_for_many_frames_is_refused(run, make_clip, tmp_path):
    with pytest.raises(UserError, match=r"a\.%04d\.exr"):
        run(make_clip(), tmp_path / "a.exr")
    with pytest.raises(UserError, match="numbers a video"):
        run(tmp_path / "clip.mp4", tmp_path / "a.%04d.mp4")


def test_user_spaces_through_opencolorio(run, make_pictures, tmp_path):
    folder = make_pictures("s.%04d.png", [120])
    config = "ocio://studio-config-v2.1.0_aces-v1.3_ocio-v2.3"
    spaces = {"ocio": config, "input_space": "sRGB - Texture", "output_space": "ACEScg"}
    run(folder / "s.%04d.png", tmp_path / "o" / "h.%04d.exr", **spaces)
    run(folder / "s.%04d.png", tmp_path / "p" / "h.%04d.exr", deliver="exr-acescg")
    np.testing.assert_allclose(
        light_of(tmp_path / "o" / "h.0120.exr"), light_of(tmp_path / "p" / "h.0120.exr"), rtol=4e-3, atol=1e-5
    )
    with pytest.raises(UserError, match="has no colour space 'Nonsense'"):
        run(folder / "s.%04d.png", tmp_path / "q" / "h.%04d.exr", ocio=config, input_space="Nonsense")
    with pytest.raises(UserError, match="no OpenColorIO configuration"):
        run(folder / "s.%04d.png", tmp_path / "q" / "h.%04d.exr", ocio="/none.ocio", input_space="x")
    with pytest.raises(UserError, match="--output-space goes with pictures"):
        run(folder / "s.%04d.png", tmp_path / "q.mp4", ocio=config, output_space="ACEScg")


def test_exr_white_is_where_the_reference_white_is(run, make_pictures, tmp_path):
    folder = make_pictures("s.%04d.png", [1])
    white = np.full((8, 8, 3), 255, np.uint8)
    oiio.ImageBuf(white).write(str(folder / "s.0001.png"))
    run(folder / "s.%04d.png", tmp_path / "h.%04d.exr", Settings(reference_white=100))
    np.testing.assert_allclose(light_of(tmp_path / "h.0001.exr"), 1.0, rtol=2e-3)
    run(folder / "s.%04d.png", tmp_path / "h.%04d.png")
    np.testing.assert_allclose(pq.eotf(light_of(tmp_path / "h.0001.png").astype(np.float64)), 203, rtol=1e-3)


def test_a_layer_of_every_frame_of_a_sequence(run, tmp_path):
    for number in (1, 2):
        values = np.zeros((24, 32, 6), np.float32)
        values[..., :3], values[..., 3:] = 0.25, 0.75
        spec = oiio.ImageSpec(32, 24, 6, "half")
        spec.channelnames = ("R", "G", "B", "ao.R", "ao.G", "ao.B")
        file = oiio.ImageOutput.create("openexr")
        assert file is not None
        assert file.open(str(tmp_path / f"l.{number}.exr"), spec)
        assert file.write_image(values)
        file.close()
    run(tmp_path / "l.@.exr", tmp_path / "b.@.exr")
    run(tmp_path / "l.@.exr", tmp_path / "a.@.exr", layer="ao")
    for name, light in (("b", 0.25), ("a", 0.75)):
        assert oiio.ImageBuf(str(tmp_path / f"{name}.2.exr")).getpixel(3, 3)[0] == pytest.approx(light, rel=5e-3)
    run(tmp_path / "l.1.exr", tmp_path / "one.exr", layer="ao")
    assert oiio.ImageBuf(str(tmp_path / "one.exr")).getpixel(3, 3)[0] == pytest.approx(0.75, rel=5e-3)
    with pytest.raises(UserError, match="its layers are"):
        run(tmp_path / "l.@.exr", tmp_path / "c.@.exr", layer="none such")
    with pytest.raises(UserError, match="another layer"):
        run(tmp_path / "l.@.exr", tmp_path / "a.@.exr")
