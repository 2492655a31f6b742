"""Two timelines of one cut as pairs: the frames that stand at the same time, and what cannot be paired."""

import edits
import numpy as np
import opentimelineio as otio
import pytest
from footage import write_clip
from PIL import Image

from lumaflux.errors import UserError
from lumaflux.lab.data.look_pairs import read_pairs
from lumaflux.lab.training.timeline_pairs import stretches
from lumaflux.media.stills.picture import write_still

EDL = """TITLE: cut
FCM: NON-DROP FRAME

001  AX       V     C        00:00:00:02 00:00:00:12 01:00:00:00 01:00:00:10
* FROM CLIP NAME: {}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut")
    for name in ("sdr.mp4", "hdr.mp4"):
        write_clip(folder / name, 24)
    write_clip(folder / "fast.mp4", 24, rate=30)
    return folder


def saved(folder, name, *items):
    return edits.save(edits.timeline(list(items)), folder / name)


def cut(name, path, start, frames):
    return edits.clip(name, path, edits.span(start, frames))


def found(sdr, hdr):
    return [(one.name.split("/")[-1], one.sdr_frames, one.hdr_frames) for one in stretches(sdr, hdr)]


def test_what_stands_at_the_same_time_is_paired(folder):
    sdr = saved(folder, "sdr.otio", cut("a", "sdr.mp4", 2, 8), cut("b", "sdr.mp4", 14, 6))
    hdr = saved(folder, "hdr.otio", cut("x", "hdr.mp4", 5, 12))
    assert found(sdr, hdr) == [("a", range(2, 10), range(5, 13)), ("b", range(14, 18), range(13, 17))]


def test_what_cannot_be_paired_is_named(folder):
    sdr = saved(folder, "a.otio", cut("a", "sdr.mp4", 2, 8))
    with pytest.raises(UserError, match=r"a of a.otio has 24 frames/s, and fast.mp4 beside it 30"):
        stretches(sdr, edits.save(edits.timeline([cut("x", "fast.mp4", 0, 9)]), folder / "fast.otio"))
    with pytest.raises(UserError, match=r"gone.mov is missing"):
        stretches(sdr, saved(folder, "gone.otio", cut("x", "gone.mov", 0, 9)))
    gap = otio.schema.Gap(source_range=edits.span(0, 20))
    with pytest.raises(UserError, match="show no clip at the same time"):
        stretches(sdr, saved(folder, "late.otio", gap, cut("x", "hdr.mp4", 0, 9)))


@pytest.mark.skipif("cmx_3600" not in otio.adapters.available_adapter_names(), reason="otio-cmx3600-adapter is missing")
def test_edit_decision_lists_name_files_beside_them(folder):
    for name in ("sdr", "hdr"):
        (folder / f"{name}.edl").write_text(EDL.format(f"{name}.mp4"))
    assert [one[1:] for one in found(folder / "sdr.edl", folder / "hdr.edl")] == [(range(2, 12), range(2, 12))]
    (folder / "none.edl").write_text(EDL.format("nobody.mp4"))
    with pytest.raises(UserError, match=r"no video named 'nobody.mp4' lies beside the timeline"):
        stretches(folder / "none.edl", folder / "hdr.edl")


def test_only_the_frames_of_a_stretch_are_read(tmp_path):
    """Frames 4 to 7 of the HDR show what frames 1 to 4 of the SDR show; the others match nothing."""
    rng = np.random.default_rng(1)
    shown = [np.kron(rng.random((1, 4, 6)), np.ones((3, 8, 8))).astype(np.float32) for _ in range(16)]
    for number in range(8):
        pixels = (shown[number].transpose(1, 2, 0) * 255).round().astype(np.uint8)
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / f"s.{number}.png")
        same = 4 <= number < 8
        write_still(tmp_path / f"h.{number}.png", 0.55 * shown[number - 3 if same else 8 + number], overwrite=True)
    sides = tmp_path / "s.%d.png", tmp_path / "h.%d.png"
    pairs = read_pairs("a", *sides, (range(1, 5), range(4, 8)))
    assert {pair.offset for pair in pairs} == {0}
    assert min(pair.match for pair in pairs) > 0.9
    with pytest.raises(UserError, match="show different pictures"):
        read_pairs("a", *sides, (range(1, 5), range(4)))
