"""The pool of views: reproducible, split by scene, resumable; crops follow their generator."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lumaflux.errors import UserError
from lumaflux.lab.data.batches import CropSampler
from lumaflux.lab.data.sources import find_sources
from lumaflux.lab.data.views import ViewPlan, load_views, make_views, source_views

PLAN = ViewPlan(size=64, per_panorama=3)


@pytest.fixture(scope="module")
def pool(hdr_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("views")
    make_views(find_sources(None, hdr_folder), out, PLAN)
    return out


def test_each_split_has_its_scene(pool: Path):
    scenes = {split: {v.scene for v in load_views(pool, split)} for split in ("train", "validation", "test")}
    assert scenes == {"train": {"some_place"}, "validation": {"noon_grass"}, "test": {"Carrots"}}


def test_the_pool_holds_the_views_as_drawn(pool: Path, hdr_folder: Path):
    for source in find_sources(None, hdr_folder):
        stored = next(v for v in load_views(pool, source.split) if v.name == source.name).views
        np.testing.assert_array_equal(stored, source_views(source, PLAN))
        signal = stored.astype(np.float64)
        assert np.abs(np.diff(signal, axis=-2)).mean() < 0.2 * signal.std()  # a picture, no scrambled rows


def test_views_are_pq_masters(pool: Path):
    views = load_views(pool, "train")[0].views
    assert views.shape == (3, 3, 64, 64)
    assert views.max() <= round(0.7518271 * 65535) + 1
    assert views.std() > 1000


def test_a_second_run_makes_the_same_bits_and_keeps_what_is_there(pool: Path, hdr_folder: Path, tmp_path: Path):
    make_views(find_sources(None, hdr_folder), tmp_path, PLAN)
    first = load_views(pool, "test")[0].views
    np.testing.assert_array_equal(first, load_views(tmp_path, "test")[0].views)
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.safetensors")}
    make_views(find_sources(None, hdr_folder), tmp_path, PLAN)
    assert before == {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.safetensors")}


def test_crops_follow_the_generator(pool: Path):
    sampler = CropSampler(load_views(pool, "train"))
    first, second, other = (sampler.draw(4, 24, torch.Generator().manual_seed(seed)) for seed in (7, 7, 8))
    assert first.shape == (4, 3, 24, 24)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 0.7519


def test_missing_pool_and_empty_split(pool: Path, tmp_path: Path):
    with pytest.raises(UserError, match=r"lab\.data\.views"):
        load_views(tmp_path, "train")
    with pytest.raises(UserError, match="empty"):
        load_views(pool, "train", ("photograph",))
