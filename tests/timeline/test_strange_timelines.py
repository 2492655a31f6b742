"""Timelines as no editor should write them: what holds none, numbers that are none, speeds, nesting, unknown effects.
Each is a sentence; nothing is a traceback, and no process ends."""

import json
import zipfile

import edits
import opentimelineio as otio
import pytest
from footage import write_clip

from lumaflux.errors import UserError
from lumaflux.timeline.timeline import find_clips, read_timeline
from lumaflux.timeline.trial import DEEPEST, refuse_deep_nesting


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("media")
    write_clip(made / "clip.mp4", 24)
    return made


def marked(name="a", start=2, frames=5, effects=()):
    return edits.clip(name, "clip.mp4", edits.span(start, frames), [*effects, edits.effect(strength=0.5)])


def collection(*items):
    return otio.schema.SerializableCollection("bin", list(items))


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (lambda: collection(marked()), "a clip"),
        (lambda: collection(marked(), otio.schema.Gap(), marked("b")), "a clip, a gap"),
        (lambda: collection(), "nothing"),
        (lambda: collection(collection(marked())), "a serializablecollection"),
        (marked, "a clip"),
        (lambda: otio.schema.Track("V1", [marked()]), "a track"),
        (lambda: collection(otio.schema.ExternalReference("clip.mp4")), "a externalreference"),
    ],
)
def test_what_holds_no_timeline_is_named(tmp_path, make, kinds):
    otio.adapters.write_to_file(make(), str(tmp_path / "bin.otio"))
    with pytest.raises(UserError, match=f"holds no timeline, but {kinds};"):
        read_timeline(tmp_path / "bin.otio")


@pytest.mark.parametrize("text", ["[1, 2]", "3", "null", '"clip"', "{}", "", "\x00", '{"OTIO_SCHEMA": "Timeline.99"'])
def test_other_json_is_no_timeline(tmp_path, text):
    (tmp_path / "a.otio").write_text(text)
    with pytest.raises(UserError, match="timeline"):
        read_timeline(tmp_path / "a.otio")


def test_a_timeline_beside_a_lone_clip_is_found(tmp_path, folder):
    otio.adapters.write_to_file(collection(marked("x"), edits.timeline([marked()])), str(tmp_path / "bin.otio"))
    found = find_clips(read_timeline(tmp_path / "bin.otio"), folder)
    assert [(clip.first, clip.last) for clip in found.clips] == [(2, 6)]


def reasons(tmp_path, folder, timeline, change=lambda text: text):
    text = change(otio.adapters.write_to_string(timeline))
    (tmp_path / "a.otio").write_text(text)
    found = find_clips(read_timeline(tmp_path / "a.otio"), folder)
    assert all(skipped.lost for skipped in found.skipped)
    return [(skipped.where, skipped.reason) for skipped in found.skipped], [clip.where for clip in found.clips]


@pytest.mark.parametrize("scalar", [float("nan"), float("inf"), float("-inf"), 1e308, -1e308])
def test_speeds_that_are_no_number_leave_the_clip_as_it_was(tmp_path, folder, scalar):
    warp = otio.schema.LinearTimeWarp(time_scalar=scalar)
    timeline = edits.timeline([marked("fast", effects=[warp, warp]), marked("b")])
    skipped, taken = reasons(tmp_path, folder, timeline)
    assert [where for where, _ in skipped] == ["V1/fast"]
    assert "speed" in skipped[0][1]
    assert taken == ["V1/b"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"value": 2.0', '"value": NaN'),
        ('"value": 5.0', '"value": NaN'),
        ('"value": 2.0', '"value": Infinity'),
        ('"rate": 24.0', '"rate": 0.0'),
        ('"rate": 24.0', '"rate": NaN'),
        ('"rate": 24.0', '"rate": -24.0'),
    ],
)
def test_times_that_are_no_number_leave_the_clip_as_it_was(tmp_path, folder, before, after):
    def change(text):
        assert before in text
        return text.replace(before, after)

    skipped, taken = reasons(tmp_path, folder, edits.timeline([marked()]), change)
    assert len(skipped) + len(taken) <= 1
    assert not taken
    assert all("which is none" in reason or "no rate" in reason for _, reason in skipped)


@pytest.mark.parametrize("name", ["Speed", "Retime", "Time Warp", "TimeRemap", "Speed Ramp", "Retime Controls"])
def test_speed_changes_in_an_editor_s_own_words(tmp_path, folder, name):
    own = otio.schema.Effect(name="", effect_name=name)
    skipped, _ = reasons(tmp_path, folder, edits.timeline([marked(effects=[own])]))
    assert skipped == [("V1/a", f"its speed change '{name}' is not linear")]


def test_an_effect_of_a_schema_that_nobody_knows(tmp_path, folder):
    def change(text):
        whole = json.loads(text)
        effects = whole["tracks"]["children"][0]["children"][0]["effects"]
        effects.insert(0, {"OTIO_SCHEMA": "HouseLook.3", "strength": 2})
        return json.dumps(whole)

    with pytest.raises(UserError, match=r"OpenTimelineIO can read.*UnknownSchema"):
        reasons(tmp_path, folder, edits.timeline([marked()]), change)


def nested(levels):
    return (
        '{"OTIO_SCHEMA": "Timeline.1", "name": "]]]", "tracks": '
        + '{"OTIO_SCHEMA": "Stack.1", "name": "\\"}", "children": [' * levels
        + "]}" * levels
        + "}"
    )


@pytest.mark.parametrize("levels", [DEEPEST // 2, 1000, 200_000])
def test_deep_nesting_is_refused_before_the_reader_ends_the_process(tmp_path, levels):
    (tmp_path / "deep.otio").write_text(nested(levels))
    (tmp_path / "deep.otiod").mkdir()
    (tmp_path / "deep.otiod" / "content.otio").write_text(nested(levels))
    with zipfile.ZipFile(tmp_path / "deep.otioz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("content.otio", nested(levels))
    for suffix in (".otio", ".otiod", ".otioz"):
        with pytest.raises(UserError, match="nests deeper than 400 levels"):
            read_timeline(tmp_path / f"deep{suffix}")


@pytest.mark.parametrize("version", ["0", "-1", "99", "x", ""])
def test_schemas_that_end_the_reader_are_refused(tmp_path, folder, version):
    otio.adapters.write_to_file(edits.timeline(otio.schema.Track("V1", [marked()])), str(tmp_path / "a.otio"))
    text = (tmp_path / "a.otio").read_text()
    for schema in ("Clip", "Track", "Stack", "Timeline", "ExternalReference"):
        before = next(word for word in text.split('"') if word.startswith(f"{schema}."))
        (tmp_path / "b.otio").write_text(text.replace(before, f"{schema}.{version}"))
        try:
            find_clips(read_timeline(tmp_path / "b.otio"), tmp_path)
        except UserError as refused:
            assert "\n" not in str(refused)  # noqa: PT017


def test_usual_nesting_is_read(tmp_path):
    (tmp_path / "a.otio").write_text(nested(DEEPEST // 2 - 1))
    refuse_deep_nesting(tmp_path / "a.otio")
    assert find_clips(read_timeline(tmp_path / "a.otio"), tmp_path).clips == []


def missing(name="gone"):
    return otio.schema.Clip(name, otio.schema.MissingReference())


def gap_without_length():
    gap = otio.schema.Gap()
    gap.source_range = None
    return gap


@pytest.mark.parametrize("beside", [missing, gap_without_length, lambda: edits.clip("bare", "clip.mp4")])
def test_a_length_that_is_stated_nowhere_costs_no_other_clip(tmp_path, folder, beside):
    nested = otio.schema.Stack("nested", [otio.schema.Track("V2", [beside(), marked("b", 8, 4)])])
    found = found_in(tmp_path, folder, [marked(), beside(), nested, marked("c", 16, 2)])
    assert [(clip.where, clip.first, clip.last) for clip in found.clips] == [
        ("V1/a", 2, 6), ("V1/nested/V2/b", 8, 11), ("V1/c", 16, 17),
    ]  # fmt: skip
    assert all("neither its range nor that of its media is stated" in left.reason for left in found.skipped)
    assert len(found.skipped) == (0 if beside is gap_without_length else 2)


@pytest.mark.parametrize("beside", [missing, gap_without_length])
def test_clips_that_cannot_be_placed_in_what_is_trimmed_are_whole(tmp_path, folder, beside):
    nested = otio.schema.Stack("nested", source_range=edits.span(3, 4))
    nested.append(otio.schema.Track("V2", [beside(), marked("b", 8, 4)]))
    found = found_in(tmp_path, folder, [marked(), nested])
    assert [(clip.where, clip.first, clip.last) for clip in found.clips] == [("V1/a", 2, 6), ("V1/nested/V2/b", 8, 11)]


@pytest.mark.parametrize(("frames", "rate"), [(-3, 24), (-300, 24), (3, -24), (-1e300, 24)])
def test_a_clip_of_less_than_no_time_is_named_and_hides_no_other(tmp_path, folder, frames, rate):
    odd = edits.clip("odd", "clip.mp4", edits.span(2, frames, rate), [edits.effect(strength=0.5)])
    found = found_in(tmp_path, folder, [marked(), odd])
    assert [clip.where for clip in found.clips] == ["V1/a"]
    assert [left.where for left in found.skipped] == ["V1/odd"]
    assert "which is no" in found.skipped[0].reason


@pytest.mark.parametrize("address", ["/a/" + "n" * 5000 + ".mp4", "http://[::1", "file://[x", "/dev/zero", "/", "%00"])
def test_addresses_that_are_none_are_named(tmp_path, folder, address):
    odd = edits.clip("odd", address, edits.span(0, 5), [edits.effect(strength=0.5)])
    found = found_in(tmp_path, folder, [marked(), odd])
    assert [clip.where for clip in found.clips] == ["V1/a"]
    (left,) = found.skipped
    assert "its media" in left.reason
    assert len(left.reason) < 400


def found_in(tmp_path, folder, track):
    """As read from a file."""
    otio.adapters.write_to_file(edits.timeline(track), str(tmp_path / "reel.otio"))
    return find_clips(read_timeline(tmp_path / "reel.otio"), folder, all_clips=True)
