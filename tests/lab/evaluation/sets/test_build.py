import shutil

import numpy as np
import pytest

from lumaflux.color import pq, srgb
from lumaflux.color.operators import OPERATORS
from lumaflux.errors import UserError
from lumaflux.lab.evaluation.sets.build import build_set
from lumaflux.lab.evaluation.sets.manifest import MANIFEST, damaged_files, read_manifest
from lumaflux.media.stills.picture import probe_still, read_still
from lumaflux.media.video.reader import VideoReader

PANORAMA = {"kind": "panorama", "collections": ["blender"], "size": [48, 32], "views": 2}
STILL = {"kind": "still", "collections": ["openexr"], "size": [48, 32], "views": 1}
PHOTOGRAPH = {"kind": "gain-map", "folder": "gainmap", "within": [32, 32], "licence": "CC0", "content": "ugc"}
VIDEO = {"kind": "file", "path": "video/hdr10-av1.mp4", "scene": "rooftop", "licence": "CC0", "content": "ugc"}
VIDEO |= {"within": [48, 48], "starts": [0, 2]}
SEQUENCES = {
    "blender-rainforest_trail-0": 4,
    "blender-rainforest_trail-1": 4,
    "gainmap-pixel-01": 1,
    "hdr10-av1-0": 4,
    "hdr10-av1-2": 4,
    "openexr-Tree-0": 4,
}


@pytest.fixture
def build(packages, hdr_dir, write_specification, tmp_path):
    path = write_specification(PANORAMA, STILL, PHOTOGRAPH, VIDEO)

    def into(name, **more):
        return build_set(path, tmp_path / name, packages=packages, hdr_dir=hdr_dir, **more)

    return into


def frames(path):
    with VideoReader(path) as reader:
        return [frame.sdr for frame in reader]


def psnr(a, b):
    return -10 * np.log10(np.mean((a - b) ** 2))


def test_a_set_is_whole_and_says_what_it_is(build, tmp_path):
    manifest = build("set")
    assert manifest == read_manifest(tmp_path / "set")
    assert manifest.name == "tiny"
    assert damaged_files(tmp_path / "set", manifest) == []
    counts: dict[str, int] = {}
    for clip in manifest.clips:
        counts[clip.sequence] = counts.get(clip.sequence, 0) + 1
    assert counts == SEQUENCES
    by_name = {clip.name: clip for clip in manifest.clips}
    clip = by_name["blender-rainforest_trail-1/bt2446a-crf39"]
    assert (clip.scene, clip.split, clip.content, clip.crf) == ("rainforest_trail", "test", "pgc", 39)
    assert (clip.frame_rate, clip.licence, len(clip.references)) == (25.0, "CC0", 2)
    assert by_name["hdr10-av1-2/hard-clip-crf23"].scene == "rooftop"
    assert {clip.content for clip in manifest.clips if clip.scene in ("rooftop", "pixel-01")} == {"ugc"}
    photograph = by_name["gainmap-pixel-01/gain-map"]
    assert (photograph.crf, photograph.frame_rate, len(photograph.references)) == (None, None, 1)
    assert set(manifest.specification) == {"specification", "software", "made_from"}


def test_clips_are_their_references_rendered_and_encoded(build, tmp_path):
    root = tmp_path / "set"
    for clip in build("set").clips:
        masters = [read_still(root / name, allow_hdr=True).sdr for name in clip.references]
        assert all(probe_still(root / name).transfer.value == "pq" for name in clip.references)
        assert max(pq.eotf(master).max() for master in masters) <= 1000.1
        if clip.crf is None:
            continue
        decoded = frames(root / clip.sdr)
        assert len(decoded) == len(masters) == 2
        wanted = [OPERATORS[clip.rendering](pq.eotf(master)).clip(0, 1) for master in masters]
        quality = [psnr(sdr, exact) for sdr, exact in zip(decoded, wanted, strict=True)]
        assert min(quality) > (24 if clip.crf == 23 else 17)  # small pictures with a lamp in 4:2:0


def test_a_gain_map_pair_shares_its_white(build, tmp_path):
    root = tmp_path / "set"
    clip = next(clip for clip in build("set").clips if clip.rendering == "gain-map")
    still = read_still(root / clip.sdr)
    assert still.transfer == "srgb"
    stops = np.log2(pq.eotf(read_still(root / clip.references[0], allow_hdr=True).sdr) / 203 / srgb.eotf(still.sdr))
    assert stops[:, :, 4] == pytest.approx(0.5, abs=0.05)  # the map's smallest gain, less what the offsets do
    assert stops[:, :, -4] == pytest.approx(2.0, abs=0.1)


def test_two_builds_are_the_same_bits(build):
    first = build("one")
    assert first.files == build("two").files
    assert first.clips == build("two").clips


class StoppedError(Exception):
    pass


def test_a_stopped_build_goes_on_to_the_same_bits(build, tmp_path):
    whole = build("whole")
    total = sum(len(clip.references) for clip in whole.clips)
    for stop in range(0, total, 3):
        told = []

        def progress(done, of, stop=stop, told=told):
            told.append((done, of))
            if done > stop:
                raise StoppedError

        with pytest.raises(StoppedError):
            build("set", progress=progress)
        assert all(of == total for _, of in told)
        assert not (tmp_path / "set" / MANIFEST).exists()
        assert not [path for path in (tmp_path / "set").rglob("*") if ".partial" in path.name]
        if stop % 2:
            shutil.rmtree(tmp_path / "set")
    done = []
    assert build("set", progress=lambda count, of: done.append((count, of))) == whole
    assert done[-1] == (total, total)
    assert damaged_files(tmp_path / "set", whole) == []


def times(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file() and path.name != MANIFEST}


def test_what_is_sound_is_kept_and_what_is_damaged_made_anew(build, tmp_path):
    root = tmp_path / "set"
    whole = build("set")
    before = times(root)
    assert build("set") == whole
    assert times(root) == before
    spoilt = root / "sdr" / "openexr-Tree-0" / "hard-clip-crf23.mp4"
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"x")
    (root / "references" / "hdr10-av1-0" / "000001.png").unlink()
    assert len(damaged_files(root, whole)) == 2
    assert build("set") == whole
    changed = {path.parent.name for path, time in times(root).items() if before[path] != time} - {".built"}
    assert changed == {"openexr-Tree-0", "hdr10-av1-0"}


def test_another_specification_replaces_only_what_it_changes(build, packages, hdr_dir, write_specification, tmp_path):
    root = tmp_path / "set"
    build("set")
    before = times(root)
    path = write_specification(PANORAMA | {"views": 1}, VIDEO | {"starts": [0, 1]})
    manifest = build_set(path, root, packages=packages, hdr_dir=hdr_dir)
    named = {root / name for name in manifest.files}
    assert {path for path in times(root) if ".built" not in path.parts} == named
    kept = {path.parent.name for path, time in times(root).items() if before.get(path) == time} - {".built"}
    assert kept == {"hdr10-av1-0"}


def test_optional_sources_may_be_absent(packages, write_specification, tmp_path):
    path = write_specification(PANORAMA, *(s | {"optional": True} for s in (STILL, PHOTOGRAPH, VIDEO)))
    manifest = build_set(path, tmp_path / "set", packages=packages)
    assert {clip.sequence for clip in manifest.clips} == {"blender-rainforest_trail-0", "blender-rainforest_trail-1"}
    (tmp_path / "empty").mkdir()
    assert build_set(path, tmp_path / "set", packages=packages, hdr_dir=tmp_path / "empty").clips == manifest.clips


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            PANORAMA | {"collections": ["pmndrs"]},
            "holds no picture of the collection 'pmndrs'; fill a folder with: python",
        ),
        (PANORAMA | {"collections": ["polyhaven"]}, "holds no picture of the collection 'polyhaven'; name the folder"),
        (PANORAMA | {"collections": ["imagenet"]}, "there is no collection 'imagenet'"),
        (STILL | {"size": [480, 320]}, r"Tree\.exr cannot be used: a picture of 90x60 holds no frame of 480x320"),
        (VIDEO | {"path": "video/sdr/hdr10-av1.mp4"}, "is not HDR: its transfer is bt709"),
        (VIDEO | {"path": "video/none.mp4"}, "needs video/none.mp4 below HDR_DIR"),
        (VIDEO | {"path": "gainmap/pixel-77.jpg"}, "is not in the split 'test'"),
        (VIDEO | {"starts": [3]}, "has 4 frames, of which number 4 is wanted"),
        (PHOTOGRAPH | {"folder": "stills"}, "holds no photograph of the split 'test'"),
        ({"kind": "video", "collection": "chug", "scenes": 10}, "--root chug=DIR"),
        ({"kind": "pairs", "collection": "hdrtv1k"}, "--root hdrtv1k=DIR"),
    ],
)
def test_one_sentence_for_what_is_missing_or_wrong(packages, hdr_dir, write_specification, tmp_path, source, told):
    with pytest.raises(UserError, match=told):
        build_set(write_specification(source), tmp_path / "set", packages=packages, hdr_dir=hdr_dir)


def test_an_empty_split_is_refused(packages, write_specification, tmp_path):
    path = write_specification(PANORAMA, split="validation")
    with pytest.raises(UserError, match="the split 'validation' has no panorama in blender"):
        build_set(path, tmp_path / "set", packages=packages)


def test_packages_are_asked_for(write_specification, tmp_path):
    with pytest.raises(UserError, match=r"python -m lumaflux\.lab\.data\.fetch DIR, and name it with --packages DIR"):
        build_set(write_specification(PANORAMA), tmp_path / "set")


def test_all_optional_and_absent_is_an_empty_set(write_specification, tmp_path):
    with pytest.raises(UserError, match="the set tiny is empty"):
        build_set(write_specification(VIDEO | {"optional": True}), tmp_path / "set")


def test_a_folder_with_something_else_is_left_alone(packages, write_specification, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="holds other files"):
        build_set(write_specification(PANORAMA), mine, packages=packages)
    assert [path.name for path in mine.iterdir()] == ["letter.txt"]
    build_set(write_specification(PANORAMA), tmp_path / "set", packages=packages)
    with pytest.raises(UserError, match="holds the set tiny, not other"):
        build_set(write_specification(PANORAMA, name="other"), tmp_path / "set", packages=packages)
