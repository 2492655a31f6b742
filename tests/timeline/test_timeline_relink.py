"""New timelines: same places, rendered media, the effect gone, the original untouched."""

from pathlib import Path

import edits
import opentimelineio as otio
import pytest
from footage import write_clip

from lumaflux.timeline.relink import Rendered, relink, write_timeline
from lumaflux.timeline.timeline import find_clips


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("media")
    write_clip(made / "clip.mp4", 24)
    return made


@pytest.fixture
def relinked(folder):
    def make(timeline, first=0, frames=24, names=None):
        clips = find_clips(timeline, folder, all_clips=True).clips
        chosen = [clip for clip in clips if names is None or clip.clip.name in names]
        return relink(
            timeline, [Rendered(clip=clip, path=Path("/hdr/x.mov"), first=first, frames=frames) for clip in chosen]
        )

    return make


def marked(name, start, frames, **options):
    return edits.clip(name, "clip.mp4", edits.span(start, frames), [edits.effect(strength=0.5)], **options)


def test_ranges_count_from_the_rendered_file(relinked):
    timeline = edits.timeline([marked("a", 86410, 5, available=edits.span(86400, 24))])
    before = timeline.to_json_string()
    clip = relinked(timeline, first=8, frames=9).find_clips()[0]
    assert clip.source_range == edits.span(2, 5)
    assert clip.media_reference.available_range == edits.span(0, 9)
    assert clip.media_reference.target_url == "/hdr/x.mov"
    assert clip.media_reference.metadata["lumaflux"]["first_frame"] == 8
    assert not list(clip.effects)
    assert timeline.to_json_string() == before


def test_time_on_the_timeline_stays(relinked):
    dissolve = otio.schema.Transition(in_offset=edits.time(3), out_offset=edits.time(2))
    speed = marked("b", 10, 6)
    speed.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    gap = otio.schema.Gap(source_range=edits.span(0, 7))
    timeline = edits.timeline([marked("a", 4, 6), dissolve, speed, gap, marked("c", 0, 4)])
    new = relinked(timeline)
    assert new.duration() == timeline.duration()
    for before, after in zip(timeline.find_clips(), new.find_clips(), strict=True):
        assert after.range_in_parent() == before.range_in_parent()
    assert [type(effect) for effect in new.find_clips()[1].effects] == [otio.schema.LinearTimeWarp]


def test_urls_keep_their_form(relinked, folder):
    timeline = edits.timeline([edits.clip("a", (folder / "clip.mp4").as_uri(), edits.span(0, 5))])
    assert relinked(timeline).find_clips()[0].media_reference.target_url == "file:///hdr/x.mov"


def test_other_effects_and_references_stay(relinked):
    clip = marked("a", 0, 5)
    clip.effects.append(otio.schema.Effect(name="Glow", effect_name="Glow"))
    clip.set_media_references(
        {"DEFAULT_MEDIA": clip.media_reference, "proxy": edits.reference("p.mov")}, "DEFAULT_MEDIA"
    )
    new = relinked(edits.timeline([clip])).find_clips()[0]
    assert [effect.name for effect in new.effects] == ["Glow"]
    assert new.media_references()["proxy"].target_url == "p.mov"


def test_an_effect_around_clips_moves_to_those_left(relinked):
    children = [edits.clip("a", "clip.mp4", edits.span(0, 5)), edits.clip("b", "clip.mp4", edits.span(5, 5))]
    track = otio.schema.Track(name="inner", kind="Video", children=children)
    stack = otio.schema.Stack(name="compound", children=[track], effects=[edits.resolve_effect(strength=0.25)])
    new = relinked(edits.timeline([stack]), names={"a"})
    assert not list(new.tracks[0][0].effects)
    assert [len(clip.effects) for clip in new.find_clips()] == [0, 1]


def test_clips_of_one_media_are_told_apart(relinked):
    timeline = edits.timeline([marked("a", 0, 5), marked("a", 0, 5)], [marked("a", 0, 5)])
    new = relinked(timeline)
    assert [clip.media_reference.target_url for clip in new.find_clips()] == ["/hdr/x.mov"] * 3


def test_it_is_written_whole(tmp_path, relinked):
    target = tmp_path / "new.otio"
    write_timeline(relinked(edits.timeline([marked("a", 0, 5)])), target, overwrite=False)
    assert otio.adapters.read_from_file(str(target)).find_clips()[0].media_reference.target_url == "/hdr/x.mov"
    assert [path.name for path in tmp_path.iterdir()] == ["new.otio"]
