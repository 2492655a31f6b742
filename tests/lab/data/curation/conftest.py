"""A folder of two small panoramas and a still, and the specification of a corpus of seconds."""

from pathlib import Path

import numpy as np
import pytest

from lumaflux.lab.data.curation.specification import CorpusSpecification


def write_radiance(path: Path, seed: int, height: int, width: int) -> None:
    import OpenImageIO as oiio

    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width] / height
    waves = [np.exp(2 * np.sin(rng.uniform(2, 9) * columns + rng.uniform(0, 6) + 3 * rows)) for _ in range(3)]
    pixels = np.stack(waves, axis=-1).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    output = oiio.ImageOutput.create(str(path))
    assert output is not None
    output.open(str(path), oiio.ImageSpec(width, height, 3, "float"))
    output.write_image(pixels)
    output.close()


@pytest.fixture(scope="session")
def hdr_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hdr")
    write_radiance(root / "panoramas" / "meadow_1k.hdr", 1, 64, 128)
    write_radiance(root / "panoramas" / "lebombo_1k.hdr", 2, 64, 128)  # a validation scene
    write_radiance(root / "stills" / "Vase.exr", 3, 96, 128)
    return root


@pytest.fixture(scope="session")
def specification() -> CorpusSpecification:
    return CorpusSpecification(
        name="small",
        size=32,
        frames=3,
        kept=2,
        segments_per_panorama=3,
        segments_per_still=2,
        renderings=3,
        uncompressed=0.3,
    )
