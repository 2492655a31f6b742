"""`lumaflux timeline`: real files in, HDR media and a new timeline out; once each; what cannot be is named."""

import os
import signal
import subprocess
import sys

import av
import edits
import numpy as np
import opentimelineio as otio
import pytest
from footage import luma_means

from lumaflux.errors import UserError
from lumaflux.media.metadata.info import probe
from lumaflux.timeline.media import Media
from lumaflux.timeline.plan import TimelineOptions
from lumaflux.timeline.render import find, lines_of, render_timeline


@pytest.fixture
def run(converter, media, tmp_path):
    def render(timeline, load=None, **options):
        path = edits.save(timeline, tmp_path / "cut.otio")
        asked = []

        def load_converter(model):
            asked.append(model.model)
            return converter

        options = TimelineOptions(**{"model": "tiny", "mapped": lambda p: str(media / p), **options})
        outcome = render_timeline(path, tmp_path / "out", load or load_converter, options)
        return outcome, otio.adapters.read_from_file(str(outcome.timeline)), asked

    return render


def marked(name, start, frames, path="clip.mp4", **values):
    return edits.clip(name, path, edits.span(start, frames), [edits.effect(**values)])


def expected(converter, media, frames):
    """Mean PQ codes of 10 bit luma, near enough to tell frames apart."""
    with av.open(str(media)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [float(converter.render(np.moveaxis(pictures[n], -1, 0).astype(np.float32) / 255).mean()) for n in frames]


def test_each_source_range_is_rendered_once(run, converter, media):
    timeline = edits.timeline(
        [marked("a", 2, 6), marked("b", 6, 6), marked("c", 16, 3)],
        [marked("a again", 2, 6), edits.clip("plain", "other.mp4", edits.span(0, 5))],
    )
    outcome, new, asked = run(timeline)
    assert (outcome.made, outcome.frames, outcome.relinked, asked) == (2, 13, 4, ["tiny"])
    clips = {clip.name: clip for clip in new.find_clips()}
    urls = {name: clip.media_reference.target_url for name, clip in clips.items()}
    assert urls["a"] == urls["b"] == urls["a again"] != urls["c"]
    assert urls["plain"] == "other.mp4"
    assert [clips[name].source_range.start_time.value for name in ("a", "b", "c")] == [0, 4, 0]
    info = probe(urls["a"])
    assert (info.transfer.value, info.frame_rate, info.frame_count) == ("pq", 24, 10)
    rendered, wanted = luma_means(urls["a"]), expected(converter, media / "clip.mp4", range(24))
    # the frame that each rendered frame is nearest to, by rank of brightness over the whole clip
    scale = np.polyfit(wanted[2:12], rendered, 1)
    nearest = [int(np.argmin(np.abs(np.polyval(scale, wanted) - mean))) for mean in rendered]
    assert nearest == list(range(2, 12))


def test_a_second_run_renders_nothing_and_other_settings_do(run):
    first, _, _ = run(edits.timeline([marked("a", 0, 3)]))
    again, _, asked = run(edits.timeline([marked("a", 0, 3)]))
    other, _, _ = run(edits.timeline([marked("a", 0, 3, strength=0.5)]))
    assert [(run.made, run.kept) for run in (first, again, other)] == [(1, 0), (0, 1), (1, 0)]
    assert asked == []


def test_looks_of_one_media_are_apart(run):
    outcome, new, _ = run(edits.timeline([marked("a", 0, 3), marked("b", 0, 3, target_peak=600.0)]))
    facts = [clip.media_reference.metadata["lumaflux"]["settings"]["target_peak"] for clip in new.find_clips()]
    assert (outcome.made, facts) == (2, [1000.0, 600.0])


def test_a_numbered_sequence(run, media):
    plates = edits.reference("plates/plate.[1001-1012].png", edits.span(1001, 12))
    clip = edits.clip("a", plates, edits.span(1003, 4), [edits.effect()])
    outcome, new, _ = run(edits.timeline([clip]))
    file = new.find_clips()[0].media_reference.target_url
    means = luma_means(file)
    assert (outcome.frames, probe(file).frame_count) == (4, 4)
    assert means == sorted(means)
    assert len(set(means)) == 4


def test_what_cannot_be_rendered_stays_and_the_rest_is_done(run):
    lost = edits.clip("lost", "gone.mov", edits.span(0, 5), [edits.effect()])
    wrong = marked("wrong", 0, 3, strength=7.0)
    bypassed = marked("bypassed", 0, 3, bypass=True)
    outcome, new, _ = run(edits.timeline([lost, wrong, bypassed, marked("good", 0, 3)]))
    assert outcome.relinked == 1
    assert {skip.where.removeprefix("V1/"): skip.lost for skip in outcome.skipped} == {
        "lost": True,
        "wrong": True,
        "bypassed": False,
    }
    kept = {clip.name: clip for clip in new.find_clips()}
    assert kept["lost"].media_reference.target_url == "gone.mov"
    assert len(kept["wrong"].effects) == 1


def test_a_model_that_is_not_there_is_named(run):
    def nothing(model):
        raise UserError(f"unknown model '{model.model}'")

    outcome, _, _ = run(edits.timeline([marked("a", 0, 3)]), load=nothing)
    assert [skip.reason for skip in outcome.skipped] == ["unknown model 'tiny'"]


def test_a_source_that_ends_early_leaves_no_file(run, monkeypatch, tmp_path):
    monkeypatch.setattr(Media, "last", property(lambda self: 40, lambda self, value: None), raising=False)
    outcome, _, _ = run(edits.timeline([marked("a", 20, 10)]))
    assert "ends before its frame 29" in outcome.skipped[0].reason
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["cut-hdr.otio"]


def test_a_timeline_that_asks_for_nothing(run):
    with pytest.raises(UserError, match="no clip with the effect"):
        run(edits.timeline([edits.clip("a", "clip.mp4", edits.span(0, 5))]))


def test_lines_to_show(media, tmp_path):
    lost = edits.clip("lost", "gone.mov", edits.span(0, 5), [edits.effect()])
    path = edits.save(edits.timeline([marked("a", 0, 3, strength=0.5, view="split"), lost]), media / "cut.otio")
    options = TimelineOptions()
    lines = lines_of(find(path, options)[1], options)
    assert lines[0] == f"V1/a: frames 0-2 of {media}/clip.mp4 at 24 frames/s, model lite, strength 0.5"
    assert "view" in lines[1]
    assert lines[2].startswith("V1/lost: left out, its media")
    assert lines[3] == "1 files, 3 frames to render"


def test_the_command(media, tmp_path):
    path = edits.save(edits.timeline([marked("a", 0, 2)]), media / "command.otio")
    before = path.read_bytes()
    command = [sys.executable, "-m", "lumaflux.cli", "timeline"]
    shown = subprocess.run([*command, "show", path], capture_output=True, text=True)
    assert (shown.returncode, shown.stdout.splitlines()[-1]) == (0, "1 files, 2 frames to render")
    arguments = [*command, "render", path, "--out", tmp_path / "out", "--model", "tiny", "--device", "cpu"]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") or "frames" in done.stderr
    assert "1 clips show HDR media (1 files made, 0 kept)" in done.stdout
    assert path.read_bytes() == before
    lost = edits.save(edits.timeline([marked("a", 0, 2, path="gone.mov")]), media / "lost.otio")
    refused = subprocess.run([*command, "render", lost, "--out", tmp_path / "out"], capture_output=True, text=True)
    assert refused.returncode == 3
    assert "V1/a: its media" in refused.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_a_part_that_plays_until_the_whole_is_made(run, converter, tmp_path, sent):
    timeline, seen = edits.timeline([marked("a", 0, 6)]), []

    class Interrupted:
        def __getattr__(self, name):
            return getattr(converter, name)

        def render_timed(self, *given, **asked):
            seen.append(1)
            if len(seen) == 3:
                os.kill(os.getpid(), sent)
            return converter.render_timed(*given, **asked)

    with pytest.raises(KeyboardInterrupt, match=r"the 3 frames that were finished are in .*\.partial\.mov"):
        run(timeline, load=lambda model: Interrupted(), track="none")
    (part,) = (tmp_path / "out").iterdir()
    assert len(luma_means(part)) == 3
    outcome, _, _ = run(timeline, track="none")
    assert outcome.made == 1
    assert not list((tmp_path / "out").glob("*.partial.mov"))


def test_mattes_and_masks_go_by_the_names_of_the_media(run, tmp_path):
    import OpenImageIO as oiio

    (tmp_path / "masks").mkdir()
    assert oiio.ImageBuf(np.zeros((32, 48, 1), np.uint8)).write(str(tmp_path / "masks" / "clip.png"))
    timeline = edits.timeline([marked("a", 0, 2)], [marked("b", 0, 2, path="other.mp4")])
    asked = {"matte": tmp_path / "mattes", "mask": tmp_path / "masks", "track": "none"}
    outcome, _, _ = run(timeline, **asked)
    assert outcome.made == 2
    invented = {}
    for path in (tmp_path / "mattes").iterdir():
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        invented[path.name.partition("-")[0]] = (len(frames), int(frames[0][..., 2].max()))
    assert invented["clip"] == (2, 0)  # its mask forbids invention
    assert invented["other"][0] == 2
    assert invented["other"][1] > 0
    (next((tmp_path / "mattes").iterdir())).unlink()
    again, _, _ = run(timeline, **asked)
    assert (again.made, again.kept) == (1, 1)
    with pytest.raises(UserError, match="name a directory for their mattes"):
        TimelineOptions(matte=tmp_path / "matte.mkv")
