"""No output of a job takes the place of one of its inputs or of another output, whatever --overwrite says."""

import os

import pytest

from lumaflux.errors import UserError
from lumaflux.render import Job, convert
from lumaflux.render.named_files import refuse_overwriting
from lumaflux.settings import Settings


@pytest.fixture
def files(make_clip, make_pictures, tmp_path):
    make_clip("clip.mkv", frames=2, size=(32, 24))
    make_clip("mask.mkv", frames=2, size=(32, 24))
    make_pictures("m.%02d.png", [0, 1])
    os.link(tmp_path / "mask.mkv", tmp_path / "link.mkv")
    for name in ("track.json", "look.safetensors", "hero.exr"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize(
    ("target", "asked", "message"),
    [
        ("out.mkv", {"matte": "clip.mkv"}, "--matte .*clip.mkv is the input itself"),
        ("out.mkv", {"mask": "mask.mkv", "matte": "mask.mkv"}, "--matte .*mask.mkv is --mask itself"),
        ("out.mkv", {"mask": "mask.mkv", "matte": "link.mkv"}, "--matte .*link.mkv is --mask itself"),
        ("mask.mkv", {"mask": "mask.mkv"}, "the target .*mask.mkv is --mask itself"),
        ("link.mkv", {"mask": "mask.mkv"}, "the target .*link.mkv is --mask itself"),
        ("out.mkv", {"mask": "in/m.%02d.png", "matte": "in/m.##.png"}, "--matte .* is --mask itself"),
        ("in/m.01.png", {"mask": "in/m.%02d.png"}, "the target .*01.png is --mask itself"),
        ("in/m.%02d.png", {"mask": "in/m.01.png"}, "the target .* is --mask itself"),
        ("out.mp4", {"track": "track.json", "hdr10plus": "track.json"}, "--hdr10plus .*track.json is --track itself"),
        ("out.mp4", {"track": "track.json", "certificate": "track.json"}, "--certificate .* is --track itself"),
        ("look.safetensors", {"look": "look.safetensors"}, "is --look itself"),
        ("hero.exr", {"match": "hero.exr"}, "is --match itself"),
        ("out.mkv", {"also": ("exr=hero.exr",), "match": "hero.exr"}, "--also .*hero.exr is --match itself"),
        ("out.mkv", {"also": ("sdr=clip.mkv",)}, "--also .*clip.mkv is the input itself"),
        ("out.mp4", {"hdr10plus": "a.json", "certificate": "a.json"}, "--hdr10plus and --certificate are both"),
        ("out.mp4", {"sdr_exact": True, "certificate": "out.mp4.sdr"}, "--certificate and the sidecar are both"),
    ],
)
def test_an_output_that_is_an_input_is_refused(files, placement, target, asked, message):
    paths = {"matte", "mask", "hdr10plus", "certificate", "look", "match"}

    def placed(name, value):
        if name == "also":
            return tuple(f"{entry.split('=')[0]}={files / entry.split('=')[1]}" for entry in value)
        if name == "track":
            return str(files / value)
        return files / value if name in paths else value

    before = {path: path.read_bytes() for path in files.rglob("*") if path.is_file()}
    job = Job(overwrite=True, **{"track": "none", **{name: placed(name, value) for name, value in asked.items()}})
    with pytest.raises(UserError, match=message):
        convert(files / "clip.mkv", files / target, placement.load, Settings(), job)
    assert {path: path.read_bytes() for path in files.rglob("*") if path.is_file()} == before
    assert placement.loads == 0


def test_a_report_is_none_of_them_either(files, refused):
    for name, what in (("mask.mkv", "--mask itself"), ("clip.mkv", "the input itself")):
        asked = ["convert", "clip.mkv", "out.mkv", "--mask", "mask.mkv", "--report", name, "-y"]
        before = (files / name).read_bytes()
        assert f"--report {name} is {what}" in refused(asked)
        assert (files / name).read_bytes() == before
    assert "--report and the target are both out.mkv" in refused(
        ["convert", "clip.mkv", "out.mkv", "--report", "out.mkv"]
    )


def test_names_that_are_no_files_are_none(files):
    refuse_overwriting([files / "clip.mkv"], files / "lite", Job(model="lite"))
    refuse_overwriting([files / "clip.mkv"], files / "none", Job(track="none"), files / "auto")
    refuse_overwriting([files / "in" / "m.%02d.png"], files / "o.%02d.png", Job(mask=files / "in" / "m.%02d.png"))


@pytest.mark.parametrize("several", [False, True])
def test_a_picture_in_the_folder_of_the_results_stays(run, make_pictures, tmp_path, several):
    """Each result of a batch is held against what the options name: its name is only known when its turn comes."""
    folder = make_pictures("%d.png", [1, 2])
    (tmp_path / "out").mkdir()
    named = tmp_path / "out" / "2.png"
    named.write_bytes(b"a file, by another name")
    asked = {"backbone": named, "overwrite": True}
    with pytest.raises(UserError, match=r"the target .*2.png is --backbone itself"):
        run(sorted(folder.iterdir()) if several else folder, tmp_path / "out", **asked)
    assert named.read_bytes() == b"a file, by another name"
    assert (tmp_path / "out" / "1.png").stat().st_size > 0


def test_a_mask_in_the_folder_of_videos_stays(run, files):
    (files / "out").mkdir()
    mask = files / "out" / "clip.mp4"
    mask.write_bytes((files / "mask.mkv").read_bytes())
    with pytest.raises(UserError, match=r"the target .*clip.mp4 is --mask itself"):
        run([files / "clip.mkv", files / "link.mkv"], files / "out", mask=mask, overwrite=True)
    assert mask.read_bytes() == (files / "mask.mkv").read_bytes()
