"""Splits by scene: disjoint, alias-proof, and the demonstration clip stays out."""

from pathlib import Path

import pytest

from lumaflux.errors import UserError
from lumaflux.lab.data.scenes import scene_table
from lumaflux.lab.data.sources import find_sources


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    pmndrs = "packages/pmndrs-assets/package/hdri"
    wallpapers = "packages/lomiri-wallpapers-16.04/usr/share/backgrounds"
    touch(
        tmp_path,
        f"{pmndrs}/city.exr.js",
        f"{pmndrs}/apartment.exr.js",
        f"{pmndrs}/sky.exr.js",
        f"{wallpapers}/Dragonfly_by_Bolly.jpg",
        f"{wallpapers}/Wine_by_Jakkub_Mede.jpg",
        "hdr/panoramas/potsdamer_platz_1k.hdr",
        "hdr/panoramas/brown_photostudio_01_1k.hdr",
        "hdr/panoramas/brown_photostudio_07_1k.hdr",
        "hdr/stills/Carrots.exr",
        "hdr/stills/hdr10-av1.exr",
    )
    return tmp_path


def test_every_scene_has_one_split(collection: Path):
    sources = find_sources(collection / "packages", collection / "hdr")
    splits: dict[str, set[str]] = {}
    for source in sources:
        splits.setdefault(source.scene, set()).add(source.split)
    assert all(len(split) == 1 for split in splits.values())
    by_name = {source.name: source for source in sources}
    assert by_name["pmndrs/city"].scene == by_name["polyhaven/potsdamer_platz_1k"].scene
    assert by_name["pmndrs/city"].split == "test"
    assert by_name["pmndrs/apartment"].split == "validation"
    assert by_name["pmndrs/sky"].split == "train"
    assert by_name["openexr/Carrots"].split == "test"


def test_one_room_photographed_twice_is_one_scene(collection: Path):
    scenes = {s.scene for s in find_sources(None, collection / "hdr") if "brown" in s.name}
    assert scenes == {"brown_photostudio"}


def test_the_demonstration_clip_is_no_source(collection: Path):
    assert not any("hdr10" in source.name for source in find_sources(None, collection / "hdr"))


def test_share_alike_photographs_are_left_out(collection: Path):
    names = {s.name for s in find_sources(collection / "packages") if s.kind == "photograph"}
    assert names == {"lomiri/Wine_by_Jakkub_Mede"}


def test_nothing_to_train_on_is_an_error(tmp_path: Path):
    with pytest.raises(UserError, match=r"lab\.data\.fetch"):
        find_sources(tmp_path)


def test_table_names_scenes_not_aliases():
    table = scene_table()
    assert not set(table.aliases) & set(table.split_of)
    assert set(table.split_of.values()) == {"test", "validation"}
