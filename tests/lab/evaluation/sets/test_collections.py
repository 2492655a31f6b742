"""Sets of published collections, on small trees of real files."""

import shutil

import numpy as np
import pytest

from lumaflux.errors import UserError
from lumaflux.lab.data.pair_pictures import read_pq_picture, read_sdr_codes, write_sdr_picture
from lumaflux.lab.evaluation.sets.build import build_set, find_sequences
from lumaflux.lab.evaluation.sets.specification import read_specification
from lumaflux.media.stills.picture import read_still, write_still
from lumaflux.media.video.reader import VideoReader


@pytest.fixture(scope="module")
def one_frame(tmp_path_factory, hdr_dir):
    return hdr_dir / "video" / "hdr10-av1.mp4"


@pytest.fixture(scope="module")
def roots(tmp_path_factory, one_frame):
    """HIDRO-VQA with 12 videos of two cuts each, CHUG with 13 recordings and a transcode of each."""
    root = tmp_path_factory.mktemp("roots")
    for name in ("hidrovqa", "chug"):
        (root / name).mkdir()
    for number in range(12):
        for cut in (1, 2):
            shutil.copy(one_frame, root / "hidrovqa" / f"video{chr(97 + number)}_clip_{cut}.mp4")
    lines = ["Video,ref,content_name"]
    for number in range(13):
        for ref in (0, 1):
            shutil.copy(one_frame, root / "chug" / f"{number:02d}{ref}hash.mp4")
            lines.append(f"{number:02d}{ref}hash,{ref},IMG{number}_0_10.mp4")
    (root / "chug" / "chug.csv").write_text("\n".join(lines))
    return {name: root / name for name in ("hidrovqa", "chug")}


def luma_eval(roots):
    return find_sequences(read_specification("luma-eval"), packages=None, hdr_dir=None, roots=roots)


def test_luma_eval_has_ten_professional_and_ten_user_generated_scenes(roots):
    sequences = luma_eval(roots)
    assert len(sequences) == 20
    for content in ("pgc", "ugc"):
        assert len({sequence.scene for sequence in sequences if sequence.content == content}) == 10
    assert all(sequence.rendered and sequence.split == "test" and sequence.frames == 24 for sequence in sequences)
    assert all(sequence.name.endswith("1hash") for sequence in sequences if sequence.content == "ugc")
    assert all(sequence.name.endswith("_clip_1") for sequence in sequences if sequence.content == "pgc")
    assert [sequence.name for sequence in luma_eval(roots)] == [sequence.name for sequence in sequences]


def test_luma_eval_s_clips_are_built(roots, write_specification, tmp_path):
    path = write_specification({"kind": "video", "collection": "chug", "scenes": 10, "within": [32, 32]})
    manifest = build_set(path, tmp_path / "set", roots=roots)
    assert len(manifest.clips) == 10 * 2 * 2
    assert {clip.frame_rate for clip in manifest.clips} == {25.0}


def test_a_missing_collection_is_asked_for(roots):
    with pytest.raises(UserError, match="the set needs the collection 'chug'; name it with --root chug=DIR"):
        luma_eval({"hidrovqa": roots["hidrovqa"]})


def test_another_number_of_scenes_is_refused(roots, write_specification, tmp_path):
    path = write_specification({"kind": "video", "collection": "hidrovqa", "scenes": 11})
    with pytest.raises(UserError, match=r"needs 11 scenes of the split 'test' of hidrovqa, and .* has 10"):
        build_set(path, tmp_path / "set", roots=roots)


def test_hdrtv1k_keeps_every_code(write_specification, tmp_path):
    root = tmp_path / "HDRTV1K"
    rng = np.random.default_rng(0)
    for side in ("sdr", "hdr"):
        (root / "test_set" / f"test_{side}").mkdir(parents=True)
    for number in (1, 2):
        codes = rng.integers(0, 65536, (3, 15, 21), np.uint16).astype(np.float32) / np.float32(65535)
        write_still(root / "test_set" / "test_hdr" / f"{number:03d}.png", codes)
        write_sdr_picture(
            root / "test_set" / "test_sdr" / f"{number:03d}.png", rng.integers(0, 256, (3, 15, 21), np.uint8), "srgb"
        )
    path = write_specification({"kind": "pairs", "collection": "hdrtv1k"})
    manifest = build_set(path, tmp_path / "set", roots={"hdrtv1k": root})
    assert [clip.name for clip in manifest.clips] == [f"hdrtv1k-test-{number:03d}/native" for number in (1, 2)]
    for clip, number in zip(manifest.clips, (1, 2), strict=True):
        built, came = tmp_path / "set", root / "test_set"
        assert read_still(built / clip.sdr).transfer == "bt709"  # frames of a video, whatever their file says
        assert np.array_equal(read_sdr_codes(built / clip.sdr), read_sdr_codes(came / "test_sdr" / f"{number:03d}.png"))
        assert np.array_equal(
            read_pq_picture(built / clip.references[0]), read_pq_picture(came / "test_hdr" / f"{number:03d}.png")
        )


def test_live_tmhdr_gives_the_grades_of_the_same_frames(one_frame, write_sdr_video, write_specification, tmp_path):
    root = tmp_path / "tmhdr"
    (root / "PQ" / "Ref").mkdir(parents=True)
    shutil.copy(one_frame, root / "PQ" / "Ref" / "Flowers.mp4")  # 64x64, four frames
    for crf in (23, 39):
        write_sdr_video(root / "PQ" / f"CRF{crf}" / "ExpertTM" / "Flowers.mp4", size=(48, 48))
    path = write_specification({"kind": "pairs", "collection": "live-tmhdr", "starts": [1], "stride": 2})
    manifest = build_set(path, tmp_path / "set", roots={"live-tmhdr": root})
    assert [(clip.name, clip.crf, clip.frame_rate) for clip in manifest.clips] == [
        (f"live-tmhdr-Flowers/expert-crf{crf}", crf, 12.5) for crf in (23, 39)
    ]
    for clip in manifest.clips:
        with VideoReader(tmp_path / "set" / clip.sdr) as reader:
            levels = [frame.sdr.mean() * 255 for frame in reader]
            assert (reader.info.width, reader.info.height) == (48, 48)
        assert levels == pytest.approx([60, 100], abs=1.5)
        assert read_still(tmp_path / "set" / clip.references[0], allow_hdr=True).sdr.shape == (3, 48, 48)


@pytest.mark.parametrize(
    ("size", "count", "told"), [((48, 32), 4, "another shape than its HDR"), ((64, 64), 1, "has 1 frames, of which")]
)
def test_grades_that_do_not_fit_are_refused(
    one_frame, write_sdr_video, write_specification, tmp_path, size, count, told
):
    root = tmp_path / "tmhdr"
    (root / "PQ" / "Ref").mkdir(parents=True)
    shutil.copy(one_frame, root / "PQ" / "Ref" / "Flowers.mp4")
    write_sdr_video(root / "PQ" / "CRF23" / "ExpertTM" / "Flowers.mp4", count, size)
    with pytest.raises(UserError, match=told):
        build_set(
            write_specification({"kind": "pairs", "collection": "live-tmhdr"}),
            tmp_path / "set",
            roots={"live-tmhdr": root},
        )
