"""A pool for highlights: panoramas that train are whole, everything else is views, and pairs are made of both."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.lab.data import highlight_pool, panoramas
from lumaflux.lab.data.draws import generator_on
from lumaflux.lab.data.panoramas import load_panoramas
from lumaflux.lab.data.sources import Source
from lumaflux.lab.data.views import FULL_SCALE, load_views
from lumaflux.lab.training import highlight_pairs
from lumaflux.lab.training.latent_bank import SHAPES

SIDE = 320
KINDS = ("panorama", "graded", "still", "photograph")


def light(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    waves = 2.0 ** (3 * np.sin(columns / 17) + 3 * np.cos(rows / 11))
    return np.stack([waves, 0.8 * waves, 0.6 * waves]).astype(np.float32)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        yield made(tmp_path_factory.mktemp("highlights"), patch)


def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(panoramas, "read_linear", lambda path: light(128, 256))
    monkeypatch.setattr(highlight_pool, "read_linear", lambda path: light(SIDE, SIDE))
    monkeypatch.setattr(highlight_pool, "graded_light", lambda path: [10 * light(SIDE, SIDE)])
    monkeypatch.setattr(highlight_pool, "read_sdr", lambda path: (light(SIDE, SIDE) / 70).clip(0, 1))
    monkeypatch.setattr(highlight_pool, "source_views", lambda source, plan: np.zeros((2, 3, 256, 256), np.uint16))
    sources = []
    for number, (kind, split) in enumerate([*((kind, "train") for kind in KINDS), ("panorama", "validation")]):
        path = tmp_path / str(number)
        path.touch()
        sources.append(Source(name=f"c/{number}", path=path, kind=kind, licence="CC0", scene=str(number), split=split))
    highlight_pool.make_highlight_pool(sources, tmp_path / "pool")
    return tmp_path / "pool"


def test_a_pool_holds_panoramas_whole_and_views_of_the_rest(pool: Path):
    assert load_panoramas(pool, "train").shape == (1, 3, 512, 1024)  # enlarged
    found = {scene.kind: scene.views for scene in load_views(pool, "train", highlight_pool.KINDS)}
    assert set(found) == {"graded", "still", "photograph"}
    assert all(part.shape[1:] == (3, 256, 256) and len(part) for part in found.values())
    lit = np.asarray(pq.eotf(found["photograph"] / FULL_SCALE))
    assert 203 < lit.max() <= 1000.5  # brighter than SDR white, by an author's law
    assert [scene.kind for scene in load_views(pool, "validation", highlight_pool.KINDS)] == ["panorama"]


def test_pairs_are_made_of_it_on_a_device(pool: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(highlight_pairs, "_GRAPHICS", 2)
    monkeypatch.setattr(highlight_pairs, "latents_of", lambda vae, pixels: pixels[..., ::8, ::8])
    device = torch.device("cpu")
    pairs_of = highlight_pairs.resident_pairs(SimpleNamespace(views=pool, seed=1, stage="prior"), None, device)
    for step, shape in enumerate(SHAPES):
        pairs, again = (pairs_of.draw(step, 6, generator_on(device, step)) for _ in range(2))
        assert pairs.sdr.shape == (6, 3, *shape)
        assert pairs.start.shape == pairs.target.shape == (6, 3, shape[0] // 8, shape[1] // 8)
        assert torch.equal(pairs.sdr, again.sdr)
        assert float(pairs.stops.min()) > -1e-3
        assert float(pairs.clipped.mean()) > 0.01
    other, another = (pairs_of.draw(0, 6, generator_on(device, seed)) for seed in (7, 8))
    assert not torch.equal(other.sdr, another.sdr)


def test_a_pool_without_panoramas_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="no panorama"):
        highlight_pool.make_highlight_pool([], tmp_path)
