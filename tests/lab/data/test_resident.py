"""Masters on a device: crops lie where their corner says, cameras see what lumaflux.lab.data.camera sees."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.lab.data import panoramas
from lumaflux.lab.data.camera import Camera, view
from lumaflux.lab.data.panoramas import codes_of, is_panorama_pool, load_panoramas, make_panoramas
from lumaflux.lab.data.resident import ResidentPanoramas, ResidentViews
from lumaflux.lab.data.sources import Source
from lumaflux.lab.data.views import FULL_SCALE, SceneViews

CPU = torch.device("cpu")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def scenes(side=40):
    """Codes that say scene, row and column of their pixel, all above 2^15 in the third plane."""
    rows, columns = np.mgrid[0:side, 0:side]
    made = []
    for number, count in ((0, 3), (1, 1)):
        plane = np.stack([100 * rows + number, 100 * columns, 40000 + 0 * rows]).astype(np.uint16)
        made.append(SceneViews(str(number), str(number), "still", np.stack([plane] * count)))
    return made


def test_crops_are_of_one_place_whole_or_halved_and_mirrored_or_not():
    crops = (ResidentViews(scenes(), CPU).draw(64, 16, seeded()) * FULL_SCALE).double()
    assert torch.allclose(crops[:, 2], torch.full((), 40000.0, dtype=torch.float64), atol=0.1)  # codes beyond 2^15
    down = crops[:, 0].diff(dim=1)
    across = crops[:, 1].diff(dim=2)
    steps = (down.mean(dim=(1, 2)) / 100).round()
    assert set(steps.tolist()) == {1.0, 2.0}
    assert torch.allclose(down, (100 * steps)[:, None, None].expand_as(down), atol=0.2)
    assert set((across.mean(dim=(1, 2)) / 100).round().tolist()) == {-2.0, -1.0, 1.0, 2.0}
    assert torch.equal((across.mean(dim=(1, 2)) / 100).round().abs(), steps)


def test_thinned_views_reach_across_and_scenes_are_equally_likely():
    crops = (ResidentViews(scenes(), CPU).thinned(200, 16, seeded()) * FULL_SCALE).round()
    scene = (crops[:, 0, 0, 0] % 100).tolist()
    assert scene.count(1.0) == pytest.approx(100, abs=30)  # one view against three
    assert set((crops[:, 0].diff(dim=1).mean(dim=(1, 2)) / 100).round().tolist()) == {1.0, 2.0}


def test_crops_larger_than_the_views_and_views_of_several_sizes_are_refused():
    with pytest.raises(UserError, match="hold no crop of 41"):
        ResidentViews(scenes(), CPU).draw(1, 41, seeded())
    with pytest.raises(UserError, match="2 sizes"):
        ResidentViews([*scenes(), *scenes(48)], CPU)


def light(height=32, width=64):
    rng = np.random.default_rng(5)
    coarse = rng.uniform(0.5, 60.0, (3, height // 4, width // 4))
    return np.repeat(np.repeat(coarse, 4, axis=1), 4, axis=2).astype(np.float32)


def test_a_camera_sees_what_the_camera_of_one_panorama_sees():
    nits = light()
    codes = np.rint(np.asarray(pq.inverse_eotf(nits)) * FULL_SCALE).astype(np.uint16)
    resident = ResidentPanoramas(np.stack([0 * codes, codes]), CPU)
    cameras = [Camera(yaw=170.0, pitch=-25.0, fov=80.0), Camera(yaw=-35.0, pitch=40.0, fov=60.0)]
    column = lambda values: torch.tensor(values).view(-1, 1, 1)  # noqa: E731
    found = resident.light(
        torch.tensor([1, 1]),
        column([math.radians(camera.yaw) for camera in cameras]),
        column([math.radians(camera.pitch) for camera in cameras]),
        column([math.tan(math.radians(camera.fov) / 2) for camera in cameras]),
        24,
    )
    for mine, camera in zip(found, cameras, strict=True):
        reference = view(nits, camera, 24, 24)
        assert float(np.abs(mine.numpy() - reference).max()) < 0.02 * reference.max()
    mirrored = resident.light(
        torch.tensor([1]), column([0.3]), column([0.2]), -column([math.tan(math.radians(40.0))]), 24
    )
    plain = resident.light(torch.tensor([1]), column([0.3]), column([0.2]), column([math.tan(math.radians(40.0))]), 24)
    assert torch.allclose(mirrored.flip(-1), plain, rtol=1e-4, atol=1e-3)


def test_masters_keep_the_peak():
    bright = np.full((1, 3, 16, 32), 60000, np.uint16)  # beyond 5000 cd/m2
    masters = ResidentPanoramas(bright, CPU).draw(3, 8, seeded())
    assert masters.shape == (3, 3, 8, 8)
    assert float(pq.eotf(masters).max()) == pytest.approx(1000, rel=1e-3)


def test_a_pool_of_panoramas(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(panoramas, "read_linear", lambda path: light(1024, 2048) * float(path.name))
    given = {"scene": "s", "licence": "CC0", "kind": "panorama"}
    sources = [
        Source(name=f"c/{i}", path=tmp_path / str(i), split=split, **given) for i, split in ((1, "train"), (3, "test"))
    ]
    make_panoramas(sources, tmp_path / "pool")
    assert is_panorama_pool(tmp_path / "pool")
    codes = load_panoramas(tmp_path / "pool", "train")
    assert codes.shape == (1, 3, 512, 1024)
    assert np.abs(codes.astype(int) - load_panoramas(tmp_path / "pool", "test").astype(int)).max() <= 2  # by exposure
    assert json.loads((tmp_path / "pool" / "panoramas.json").read_text())["train"]["sources"][0]["licence"] == "CC0"
    with pytest.raises(UserError, match="holds no panorama"):
        load_panoramas(tmp_path / "pool", "validation")
    with pytest.raises(UserError, match="holds no panoramas"):
        load_panoramas(tmp_path, "train")
    with pytest.raises(UserError, match="no panorama among the sources"):
        make_panoramas([], tmp_path / "none")


def test_an_average_panorama_lies_at_the_convention():
    codes = codes_of(light(512, 1024))
    luminance = np.asarray(pq.eotf(codes / FULL_SCALE)).mean(axis=0)
    assert np.exp(np.log(luminance).mean()) == pytest.approx(20, rel=0.1)
