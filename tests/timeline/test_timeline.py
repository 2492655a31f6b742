"""Which clips and which of their frames a timeline asks for: effects, ranges, speeds, transitions, nesting, media."""

import edits
import opentimelineio as otio
import pytest
from footage import grey_of, write_clip, write_picture

from lumaflux.errors import UserError
from lumaflux.timeline.timeline import find_clips, read_timeline


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("media")
    write_clip(made / "clip.mp4", 24)
    for number in range(1001, 1013):
        write_picture(made / f"plate.{number}.png", grey_of(number - 1001))
    return made


@pytest.fixture
def found(folder, tmp_path):
    def find(timeline, **options):
        path = edits.save(timeline, tmp_path / "cut.otio")
        return find_clips(read_timeline(path), folder, **options)

    return find


def ranges(found):
    return [(clip.where, clip.first, clip.last) for clip in found.clips]


def marked(name, start, frames, **options):
    return edits.clip(name, "clip.mp4", edits.span(start, frames), [edits.effect(strength=0.5)], **options)


def test_only_clips_with_the_effect_are_taken(found):
    plain = edits.clip("b", "clip.mp4", edits.span(0, 5))
    timeline = edits.timeline([marked("a", 2, 5), plain])
    assert ranges(found(timeline)) == [("V1/a", 2, 6)]
    assert found(timeline).clips[0].look.values == {"strength": 0.5}
    assert ranges(found(timeline, all_clips=True)) == [("V1/a", 2, 6), ("V1/b", 0, 4)]
    assert ranges(found(timeline, name="b")) == [("V1/b", 0, 4)]
    with pytest.raises(UserError, match="no clip of the timeline is named 'c'"):
        found(timeline, name="c")


def test_the_shape_that_resolve_writes(found):
    effect = edits.resolve_effect(target_peak=600.0, steps=4, model=0)
    timeline = edits.timeline([edits.clip("a", "clip.mp4", edits.span(0, 5), [effect])])
    assert found(timeline).clips[0].look.values.items() >= {"target_peak": 600.0, "steps": 4, "model": 0}.items()


def test_switched_off_and_animated_effects_are_left_out(found):
    off = edits.clip("off", "clip.mp4", edits.span(0, 5), [edits.resolve_effect(enabled=False)])
    keys = {"strength": {"0": {"Value": 0.0}, "9": {"Value": 1.0}}}
    moving = edits.clip("moving", "clip.mp4", edits.span(0, 5), [edits.resolve_effect(key_frames=keys, strength=0.0)])
    disabled = marked("disabled", 0, 5)
    disabled.enabled = False
    result = found(edits.timeline([off, moving, disabled]))
    assert not result.clips
    assert [(skip.where, skip.lost) for skip in result.skipped] == [
        ("V1/off", False),
        ("V1/moving", True),
        ("V1/disabled", False),
    ]
    assert "strength changes over time" in result.skipped[1].reason


def test_source_ranges_count_from_the_media_time_code(found):
    available = edits.span(86400, 24)
    timeline = edits.timeline([marked("a", 86410, 5, available=available)])
    assert ranges(found(timeline)) == [("V1/a", 10, 14)]


def test_a_clip_without_a_source_range_needs_all(found):
    clip = edits.clip("a", "clip.mp4", None, [edits.effect()], edits.span(0, 24))
    assert ranges(found(edits.timeline([clip]))) == [("V1/a", 0, 23)]


def test_handles_end_where_the_media_does(found):
    assert ranges(found(edits.timeline([marked("a", 2, 5)]), handles=4)) == [("V1/a", 0, 10)]


def test_frames_are_counted_where_rates_are_meant_to_be_equal(found):
    clip = edits.clip("a", "clip.mp4", edits.span(20, 4, 24000 / 1001), [edits.effect()])
    assert ranges(found(edits.timeline([clip]))) == [("V1/a", 20, 23)]


def test_other_rates_are_times(found):
    clip = edits.clip("a", "clip.mp4", edits.span(10, 10, 48), [edits.effect()])  # 0.208 s to 0.417 s
    assert ranges(found(edits.timeline([clip]))) == [("V1/a", 5, 9)]


@pytest.mark.parametrize(
    ("scalar", "first", "last"),
    [(2.0, 4, 12), (0.5, 4, 6), (1.5, 4, 10), (0.0, 4, 4), (-1.0, 0, 8), (-0.5, 2, 6)],
)
def test_linear_speeds(found, scalar, first, last):
    clip = marked("a", 4, 5)
    clip.effects.append(otio.schema.LinearTimeWarp(name="speed", time_scalar=scalar))
    result = found(edits.timeline([clip]))
    assert ranges(result) == [("V1/a", first, last)]
    assert result.clips[0].notes == (f"plays at {scalar:g} of its speed",)


def test_a_freeze_frame_is_one_frame(found):
    clip = marked("a", 4, 5)
    clip.effects.append(otio.schema.FreezeFrame())
    assert ranges(found(edits.timeline([clip]))) == [("V1/a", 4, 4)]


def test_other_speed_changes_are_named_and_left_out(found):
    clip = marked("a", 4, 5)
    clip.effects.append(otio.schema.TimeEffect(name="ramp", effect_name="Retime Curve"))
    held = edits.timeline([clip])
    assert "'Retime Curve' is not linear" in found(held).skipped[0].reason
    nested = edits.timeline([marked("b", 0, 5)])
    nested.tracks[0].effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    assert "'V1' around it changes speed" in found(nested).skipped[0].reason


def test_transitions_need_what_lies_under_them(found):
    dissolve = otio.schema.Transition(in_offset=edits.time(3), out_offset=edits.time(2))
    timeline = edits.timeline([marked("a", 4, 6), dissolve, marked("b", 10, 6)])
    assert ranges(found(timeline)) == [("V1/a", 4, 11), ("V1/b", 7, 15)]


def test_a_transition_beyond_the_media_is_named(found):
    dissolve = otio.schema.Transition(in_offset=edits.time(3), out_offset=edits.time(2))
    result = found(edits.timeline([marked("a", 4, 20), dissolve, marked("b", 1, 6)]))
    assert ranges(result) == [("V1/a", 4, 23), ("V1/b", 0, 6)]
    assert all("beyond the ends of its media" in clip.notes[0] for clip in result.clips)


def test_nested_stacks_show_what_their_range_leaves(found):
    inner = otio.schema.Track(name="inner", kind="Video")
    inner.extend([marked("a", 0, 10), marked("b", 10, 10)])
    stack = otio.schema.Stack(name="compound", children=[inner], source_range=edits.span(4, 8))
    gap = otio.schema.Gap(source_range=edits.span(0, 7))
    timeline = edits.timeline([gap, stack])
    assert ranges(found(timeline)) == [("V1/compound/inner/a", 4, 9), ("V1/compound/inner/b", 10, 11)]


def test_an_effect_on_what_surrounds_clips_is_theirs(found):
    plain = edits.clip("a", "clip.mp4", edits.span(0, 5))
    stack = otio.schema.Stack(name="compound", children=[plain], effects=[edits.resolve_effect(strength=0.25)])
    clip = found(edits.timeline([stack])).clips[0]
    assert (clip.where, clip.look.values["strength"]) == ("V1/compound/a", 0.25)
    assert "lies on 'compound' around it" in clip.notes[0]


def test_effects_before_it_are_named(found):
    grade = otio.schema.Effect(name="Glow", effect_name="Glow")
    clip = edits.clip("a", "clip.mp4", edits.span(0, 5), [grade, edits.effect()])
    assert found(edits.timeline([clip])).clips[0].notes == ("Glow came before the effect, and will now act on HDR",)


def test_sound_tracks_are_not_looked_at(found):
    sound = otio.schema.Track(name="A1", kind=otio.schema.TrackKind.Audio)
    sound.append(marked("a", 0, 5))
    assert not found(edits.timeline(sound), all_clips=True).clips


def test_missing_media_are_named(found):
    nothing = otio.schema.Clip(name="offline", source_range=edits.span(0, 5), effects=[edits.effect()])
    lost = edits.clip("lost", "gone/away.mov", edits.span(0, 5), [edits.effect()])
    remote = edits.clip("remote", "https://example.org/a.mov", edits.span(0, 5), [edits.effect()])
    reasons = [skip.reason for skip in found(edits.timeline([nothing, lost, remote])).skipped]
    assert reasons[0] == (
        "the timeline holds no media reference for it, and no video named 'offline' lies beside the timeline"
    )
    assert "gone/away.mov is missing" in reasons[1]
    assert "not a local file" in reasons[2]


def test_media_moved_to_this_machine(found, folder):
    clip = edits.clip("a", "E:/Job/clip.mp4", edits.span(0, 5), [edits.effect()])
    result = found(edits.timeline([clip]), mapped=lambda path: path.replace("E:/Job", str(folder)))
    assert ranges(result) == [("V1/a", 0, 4)]


@pytest.mark.parametrize("form", ["{}/clip.mp4", "file://{}/clip.mp4", "file://localhost{}/clip.mp4"])
def test_urls(found, folder, form):
    clip = edits.clip("a", form.format(folder), edits.span(0, 5), [edits.effect()])
    assert ranges(found(edits.timeline([clip]))) == [("V1/a", 0, 4)]


def test_names_with_spaces_and_percents(tmp_path, found):
    write_clip(tmp_path / "a b%20c.mp4", 6)
    clip = edits.clip("a", (tmp_path / "a b%20c.mp4").as_uri(), edits.span(0, 5), [edits.effect()])
    plain = edits.clip("b", tmp_path / "a b%20c.mp4", edits.span(0, 5), [edits.effect()])
    result = found(edits.timeline([clip, plain]))
    assert ranges(result) == [("V1/a", 0, 4), ("V1/b", 0, 4)], result.skipped


def test_numbered_sequences(found, folder):
    sequence = otio.schema.ImageSequenceReference(
        target_url_base=str(folder),
        name_prefix="plate.",
        name_suffix=".png",
        start_frame=1001,
        rate=24,
        frame_zero_padding=4,
        available_range=edits.span(100, 12),
    )
    as_resolve = edits.reference(folder / "plate.[1001-1012].png", edits.span(1001, 12))
    printf = edits.reference(folder / "plate.%04d.png", edits.span(0, 12))
    clips = [
        edits.clip("a", sequence, edits.span(103, 4), [edits.effect()]),
        edits.clip("b", as_resolve, edits.span(1005, 4), [edits.effect()]),
        edits.clip("c", printf, edits.span(2, 4), [edits.effect()]),
    ]
    result = found(edits.timeline(clips))
    assert ranges(result) == [("V1/a", 1004, 1007), ("V1/b", 1005, 1008), ("V1/c", 1003, 1006)]
    assert {clip.media.path for clip in result.clips} == {folder / "plate.%04d.png"}


def test_a_sequence_that_begins_late_on_this_disk(found, tmp_path):
    for number in range(3, 9):
        write_picture(tmp_path / f"p.{number:04d}.png", grey_of(number))
    listed = edits.reference(tmp_path / "p.[0001-0008].png", edits.span(0, 8))
    result = found(edits.timeline([edits.clip("a", listed, edits.span(0, 8), [edits.effect()])]))
    assert ranges(result) == [("V1/a", 3, 8)]


def test_what_is_no_timeline(tmp_path):
    (tmp_path / "text.otio").write_text("no JSON")
    for name, words in (("text.otio", "no timeline"), ("none.otio", "does not exist"), ("clip.mp4", "does not exist")):
        with pytest.raises(UserError, match=words):
            read_timeline(tmp_path / name)
    two = otio.schema.SerializableCollection(children=[edits.timeline([]), edits.timeline([])])
    otio.adapters.write_to_file(two, str(tmp_path / "two.otio"))
    with pytest.raises(UserError, match="holds 2 timelines"):
        read_timeline(tmp_path / "two.otio")
