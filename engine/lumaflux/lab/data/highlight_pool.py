"""What the prior and its adapters learn highlights from on a device: every picture that has light above SDR white.

Panoramas that train lie whole (lumaflux.lab.data.panoramas). Views of 256 pixels, PQ as in lumaflux.lab.data.views, are
made of stills, cubes, graded HDR, the HDR of author-made pairs, photographs with little clipped (lit by an author's
law) and panoramas that are not trained on. ``python -m lumaflux.lab.data.highlight_pool OUT [--packages DIR]``; HDR_DIR
and HDR_MORE_DIR add collections.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

from lumaflux.color import srgb
from lumaflux.endings import told
from lumaflux.lab.data.author_rendering import relit
from lumaflux.lab.data.graded_pictures import graded_light
from lumaflux.lab.data.mastering import master_gain, to_bt2020
from lumaflux.lab.data.panoramas import make_panoramas
from lumaflux.lab.data.pictures import read_linear, read_sdr
from lumaflux.lab.data.sources import Kind, Source, read_pool_command
from lumaflux.lab.data.tone_pool import cube_views, flat_views, pair_light, pq_codes
from lumaflux.lab.data.views import FULL_SCALE, ViewPlan, source_views, write_pool

KINDS: tuple[Kind, ...] = ("panorama", "still", "cube", "graded", "pair", "photograph")
SIZE = 256
_VIEWS: dict[Kind, int] = {"still": 10, "cube": 12, "graded": 6, "pair": 8, "photograph": 3}
_CLIPPED, _MOST_CLIPPED = 250 / 255, 0.02  # code of the largest channel; share of a photograph's view


def _views(nits: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Parts of a picture [3,H,W]; none of one that is too small."""
    if min(nits.shape[1:]) < SIZE:
        return np.empty((0, 3, SIZE, SIZE), np.float32)
    return flat_views([nits], count, rng, SIZE)[0]


def _scene(source: Source, rng: np.random.Generator) -> NDArray[np.uint16]:
    light = to_bt2020(read_linear(source.path))
    nits = light * np.float32(master_gain(light))
    count = _VIEWS[source.kind]
    if source.kind == "cube":
        return pq_codes(cube_views(nits, count, rng, SIZE))
    return pq_codes(_views(nits, count, rng))


def _panorama(source: Source, rng: np.random.Generator) -> NDArray[np.uint16]:
    return source_views(source, ViewPlan(size=SIZE))


def _graded(source: Source, rng: np.random.Generator) -> NDArray[np.uint16]:
    frames = graded_light(source.path)
    count = max(2, _VIEWS["graded"] // len(frames))
    return np.concatenate([pq_codes(_views(frame, count, rng)) for frame in frames])


def _pair(source: Source, rng: np.random.Generator) -> NDArray[np.uint16]:
    return pq_codes(_views(pair_light(source)[1], _VIEWS["pair"], rng))


def _photograph(source: Source, rng: np.random.Generator) -> NDArray[np.uint16]:
    linear = np.asarray(srgb.eotf(read_sdr(source.path)), np.float32)
    lit = []
    for view in _views(linear, _VIEWS["photograph"], rng):
        if (srgb.inverse_eotf(view).max(axis=0) >= _CLIPPED).mean() > _MOST_CLIPPED:
            continue
        drawn = torch.Generator().manual_seed(int(rng.integers(1 << 30)))
        lit.append(relit(torch.from_numpy(view)[None], drawn)[0].numpy())
    signals = np.stack(lit) if lit else np.empty((0, 3, SIZE, SIZE), np.float32)
    return np.rint(signals * FULL_SCALE).astype(np.uint16)


_READERS: dict[Kind, Callable[[Source, np.random.Generator], NDArray[np.uint16]]] = {
    "panorama": _panorama,
    "still": _scene,
    "cube": _scene,
    "graded": _graded,
    "pair": _pair,
    "photograph": _photograph,
}


def make_highlight_pool(sources: Sequence[Source], out: Path, seed: int = 7) -> None:
    """Writes the pool below ``out``; views already there are kept, so that a stopped run goes on.

    Raises UserError without a panorama that trains.
    """

    def views_of(source: Source) -> dict[str, NDArray[np.uint16]]:
        rng = np.random.default_rng([seed, crc32(source.name.encode())])
        return {"views": np.ascontiguousarray(_READERS[source.kind](source, rng))}

    whole = [source for source in sources if source.kind == "panorama" and source.split == "train"]
    make_panoramas(whole, out)
    write_pool([source for source in sources if source not in whole], out, views_of)


def main(arguments: Sequence[str] | None = None) -> None:
    out, sources = read_pool_command("lumaflux.lab.data.highlight_pool", __doc__, arguments)
    make_highlight_pool(sources, out)


if __name__ == "__main__":
    with told("lumaflux"):
        main()
