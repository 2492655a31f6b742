"""A small pool of views made from synthetic panoramas."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def hdr_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three panoramas, one of each split, smooth light with a lamp."""
    import OpenImageIO as oiio

    root = tmp_path_factory.mktemp("hdr")
    (root / "panoramas").mkdir()
    rows, columns = np.mgrid[0:64, 0:128] / 64.0
    for seed, name in enumerate(("noon_grass_1k", "Carrots_1k", "some_place_1k")):
        rng = np.random.default_rng(seed)
        phase = rng.uniform(0, 6, (3, 1, 1))
        light = 0.02 + np.exp(2 * np.sin(3 * np.pi * columns + phase) * np.cos(5 * rows + phase))
        light[:, 20:24, 50:55] = 300.0
        pixels = np.ascontiguousarray(light.transpose(1, 2, 0), dtype=np.float32)
        out = oiio.ImageOutput.create(str(root / "panoramas" / f"{name}.exr"))
        assert out is not None
        out.open(str(root / "panoramas" / f"{name}.exr"), oiio.ImageSpec(128, 64, 3, "float"))
        out.write_image(pixels)
        out.close()
    return root
