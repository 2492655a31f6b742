"""A benchmark set that a test can afford: two scenes, two renderings as x264 clips of three frames, and a picture."""

from fractions import Fraction

import av
import numpy as np
import pytest

from lumaflux.color import pq
from lumaflux.color.operators import OPERATORS
from lumaflux.lab.evaluation.sets.manifest import Clip, Manifest, sha256, write_manifest
from lumaflux.media.stills.picture import write_still

FRAMES, WIDTH, HEIGHT = 3, 64, 48
RENDERINGS = ("bt2446a", "hard-clip")


def masters(seed):
    """A sequence [FRAMES,3,H,W] in cd/m2: blocks of up to 900 nit that brighten a little."""
    rng = np.random.default_rng(seed)
    level = 10 ** rng.uniform(-0.5, 2.9, (1, HEIGHT // 8, WIDTH // 8))
    nits = np.kron(level * rng.uniform(0.6, 1, (3, HEIGHT // 8, WIDTH // 8)), np.ones((1, 8, 8)))
    return [(nits * (1 + 0.03 * number)).clip(0, 1000) for number in range(FRAMES)]


def write_clip(path, frames):
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(24), options={"crf": "18"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for sdr in frames:
            picture = np.rint(255 * sdr.transpose(1, 2, 0)).astype(np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(video.encode())


def make_set(folder):
    import OpenImageIO as oiio

    clips, files = [], []
    for seed, scene in enumerate(("harbour", "meadow")):
        (folder / scene).mkdir(parents=True)
        light = masters(seed)
        references = tuple(f"{scene}/{number:06d}.png" for number in range(FRAMES))
        for name, nits in zip(references, light, strict=True):
            write_still(folder / name, pq.inverse_eotf(nits).astype(np.float32))
        common = {"sequence": scene, "scene": scene, "split": "test", "licence": "CC0-1.0"}
        content = "pgc" if seed else "ugc"
        for rendering in RENDERINGS:
            sdr = f"{scene}/{rendering}.mp4"
            write_clip(folder / sdr, [OPERATORS[rendering](nits).clip(0, 1) for nits in light])
            clips.append(
                Clip(
                    name=f"{scene}/{rendering}-crf18",
                    content=content,
                    rendering=rendering,
                    crf=18,
                    frame_rate=24.0,
                    sdr=sdr,
                    references=references,
                    **common,
                )
            )
            files.append(sdr)
        files += references
        if seed == 0:
            sdr = np.rint(255 * OPERATORS["reinhard"](light[0]).clip(0, 1).transpose(1, 2, 0)).astype(np.uint8)
            oiio.ImageBuf(np.ascontiguousarray(sdr)).write(str(folder / scene / "expert.png"))
            files.append(f"{scene}/expert.png")
            clips.append(
                Clip(
                    name=f"{scene}/expert",
                    content=content,
                    rendering="expert",
                    crf=None,
                    frame_rate=None,
                    sdr=files[-1],
                    references=references[:1],
                    **common,
                )
            )
    checksums = {name: sha256(folder / name) for name in files}
    write_manifest(folder, Manifest(name="tiny", specification={}, clips=tuple(clips), files=checksums))
    return folder


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory):
    """Read only; a test that spoils it makes a copy."""
    return make_set(tmp_path_factory.mktemp("set"))


@pytest.fixture
def own_set(tiny_set, tmp_path):
    """A copy to spoil."""
    import shutil

    return shutil.copytree(tiny_set, tmp_path / "set")
