"""Small real material: panoramas, a still, HDR and SDR videos, a photograph with a gain map."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hdr10_video import hdr10_writer

from lumaflux.color import pq
from lumaflux.lab.data.x264_clip import X264Encoding, write_x264

# Synthetic, made by tests/lab/data/test_gain_map.py: 64x48 grey, a map of two halves.
GAIN_MAP = Path(__file__).parent / "gain-map.jpg"
BLENDER = "blender-data/usr/share/blender/datafiles/studiolights/world"


def light(height, width, seed):
    rows, columns = np.mgrid[:height, :width] / height
    phase = np.random.default_rng(seed).uniform(0, 6, (3, 1, 1))
    picture = 0.02 + np.exp(2 * np.sin(2 * np.pi * columns + phase) * np.cos(5 * rows + phase))
    picture[:, 20:24, 30:36] = 300.0
    return picture


def write_exr(path, height, width, seed):
    import OpenImageIO as oiio

    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.ascontiguousarray(light(height, width, seed).transpose(1, 2, 0), np.float32)
    assert oiio.ImageBuf(pixels).write(str(path))


def write_hdr_video(path, frames=4, size=(64, 64)):
    """PQ, brightening from frame to frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nits = light(size[1], size[0], 3) * 20
    with hdr10_writer(path, size, crf=10) as writer:
        for number in range(frames):
            writer.write(pq.inverse_eotf((nits * (1 + 0.1 * number)).clip(0, 4000)).astype(np.float32), number)
    return path


def write_sdr_video(path, frames=4, size=(64, 64)):
    """Frame n is grey of the code 40 + 20 n."""
    path.parent.mkdir(parents=True, exist_ok=True)
    greys = [np.full((3, size[1], size[0]), 40 + 20 * number, np.uint8) for number in range(frames)]
    write_x264(path, greys, X264Encoding(crf=10, frame_rate=Fraction(25)))
    return path


@pytest.fixture(scope="session", name="write_sdr_video")
def sdr_video_writer():
    return write_sdr_video


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """One panorama of the test split (a test scene's name), one of the training split."""
    root = tmp_path_factory.mktemp("packages")
    for seed, name in enumerate(("rainforest_trail", "city")):
        write_exr(root / BLENDER / f"{name}.exr", 64, 128, seed)
    return root


@pytest.fixture(scope="session")
def hdr_dir(tmp_path_factory):
    root = tmp_path_factory.mktemp("hdr")
    write_exr(root / "stills" / "Tree.exr", 60, 90, 5)
    write_hdr_video(root / "video" / "hdr10-av1.mp4")
    write_sdr_video(root / "video" / "sdr" / "hdr10-av1.mp4")
    (root / "gainmap").mkdir()
    shutil.copy(GAIN_MAP, root / "gainmap" / "pixel-01.jpg")
    shutil.copy(GAIN_MAP, root / "gainmap" / "pixel-77.jpg")  # no test scene
    return root


@pytest.fixture
def write_specification(tmp_path):
    """A specification of two frames, two operators and two CRFs in a YAML file; keyword arguments replace parts."""
    import yaml

    def write(*sources, **more):
        content = {
            "name": "tiny",
            "split": "test",
            "frames": 2,
            "renderings": {"operators": ["hard-clip", "bt2446a"], "crf": [23, 39], "preset": "ultrafast"},
            "sources": list(sources),
        }
        path = tmp_path / "specification.yaml"
        path.write_text(yaml.safe_dump(content | more))
        return path

    return write
