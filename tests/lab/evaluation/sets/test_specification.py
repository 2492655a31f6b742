import pytest

from lumaflux.color.operators import OPERATORS
from lumaflux.errors import UserError
from lumaflux.lab.evaluation.sets.specification import VideoSource, named_specifications, read_specification


def test_the_committed_specifications_are_sound():
    names = named_specifications()
    assert {"mini", "luma-eval", "live-tmhdr", "hdrtv1k", "hdrtv4k"} <= set(names)
    for name in names:
        specification = read_specification(name)
        assert specification.name == name
        assert specification.split == "test"


def test_mini_is_public_where_it_is_not_optional():
    specification = read_specification("mini")
    public = [source for source in specification.sources if not source.optional]
    assert [source.kind for source in public] == ["panorama"]
    assert (specification.frames, specification.frame_rate) == (8, 25)


def test_renderings_are_all_operators_at_three_crf():
    renderings = read_specification("luma-eval").renderings
    assert renderings.operators == tuple(OPERATORS)
    assert renderings.crf == (23, 31, 39)


def test_luma_eval_holds_out_of_two_collections():
    sources = read_specification("luma-eval").sources
    assert all(isinstance(source, VideoSource) and source.scenes == 10 for source in sources)
    assert [getattr(source, "collection", None) for source in sources] == ["hidrovqa", "chug"]


SOUND = {"name": "tiny", "split": "test", "frames": 2}
PANORAMA = {"kind": "panorama", "collections": ["blender"], "size": [48, 32], "views": 2}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sources": []}, "it names no source"),
        ({"sources": [PANORAMA | {"size": [47, 32]}]}, "47x32 has an odd side"),
        ({"sources": [PANORAMA | {"kind": "hologram"}]}, "hologram"),
        ({"sources": [PANORAMA | {"speed": 3}]}, "Extra inputs are not permitted at sources.0.panorama.speed"),
        (
            {"sources": [{"kind": "video", "collection": "netflix", "scenes": 2}]},
            "no collection of videos 'netflix'",
        ),
        ({"sources": [PANORAMA], "renderings": {"operators": ["filmic"]}}, "there is no operator 'filmic'"),
        ({"sources": [PANORAMA], "renderings": {"crf": [99]}}, "less than or equal to 51"),
        ({"sources": [PANORAMA], "split": "holdout"}, "at split"),
        ({"sources": [PANORAMA], "name": "../up"}, "at name"),
    ],
)
def test_what_is_wrong_is_named(write_specification, wrong, told):
    with pytest.raises(UserError, match=told):
        read_specification(write_specification(**(SOUND | wrong)))


def test_unreadable_specifications(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read .*; name one of .*mini"):
        read_specification("nano")
    (tmp_path / "a.yaml").write_text("{:")
    with pytest.raises(UserError, match="is no YAML"):
        read_specification(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_text("just words")
    with pytest.raises(UserError, match="not a sound specification"):
        read_specification(tmp_path / "a.yaml")
