"""The shader played by libplacebo, through FFmpeg, on a Vulkan device of the CPU (Mesa's lavapipe) or of a GPU."""

import shutil
import subprocess

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.lut.formats import write_lut
from lumaflux.lut.shot_tone import look_up

_LIMIT = 120  # seconds


def _plays():
    """Why nothing can be played here, or an empty text."""
    if shutil.which("ffmpeg") is None:
        return "ffmpeg is not installed"
    device = ["-init_hw_device", "vulkan=v", "-f", "lavfi", "-i", "color=s=16x16:d=0.04", "-f", "null", "-"]
    filters = subprocess.run(["ffmpeg", "-hide_banner", "-filters"], capture_output=True, text=True, timeout=_LIMIT)
    if "libplacebo" not in filters.stdout:
        return "ffmpeg has no libplacebo"
    tried = subprocess.run(["ffmpeg", "-hide_banner", *device], capture_output=True, timeout=_LIMIT)
    return "" if tried.returncode == 0 else "there is no Vulkan device; Mesa's lavapipe is one"


@pytest.mark.slow
def test_libplacebo_shows_what_the_table_says(tmp_path):
    """To 1.5e-3 of PQ: a texture's filter has few bits, and codes of 8 bits are exact."""
    if reason := _plays():
        pytest.skip(reason)
    nodes = np.linspace(0, 1, 17, dtype=np.float32)
    blue, green, red = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    cube = np.stack([0.7 * red**0.5, 0.6 * green + 0.1 * red, 0.3 * blue**2 + 0.2 * green], axis=-1)
    write_lut(tmp_path / "shot.hook", np.ascontiguousarray(cube, np.float32), "mpv", "clip shot 1")
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    assert oiio.ImageBuf(pixels).write(str(tmp_path / "in.png"))
    shown = "format=rgb0,hwupload,libplacebo=format=rgba64:custom_shader_path=shot.hook,hwdownload,format=rgba64"
    device = ["-init_hw_device", "vulkan=v", "-filter_hw_device", "v"]
    command = ["ffmpeg", "-loglevel", "error", "-y", *device, "-i", "in.png", "-vf", shown]
    command += ["-pix_fmt", "rgb48be", "-frames:v", "1", "-update", "1", "out.png"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=_LIMIT)
    found = oiio.ImageBuf(str(tmp_path / "out.png")).get_pixels(oiio.FLOAT).transpose(2, 0, 1)
    codes = np.ascontiguousarray(pixels.transpose(2, 0, 1).astype(np.float32) / 255)
    assert np.abs(found - look_up(np.ascontiguousarray(cube, np.float32), codes)).max() < 1.5e-3
