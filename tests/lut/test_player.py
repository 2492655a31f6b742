"""The shader played by libplacebo, through FFmpeg, on a Vulkan device of the CPU (Mesa's lavapipe) or of a GPU."""

import shutil
import subprocess

import numpy as np
import OpenImageIO as oiio
import pytest

from lumaflux.inference.active_area import Area
from lumaflux.lut.formats import write_lut
from lumaflux.lut.gain_grid import ShotGrid, with_grid
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


def _cube():
    nodes = np.linspace(0, 1, 17, dtype=np.float32)
    blue, green, red = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    cube = np.stack([0.7 * red**0.5, 0.6 * green + 0.1 * red, 0.3 * blue**2 + 0.2 * green], axis=-1)
    return np.ascontiguousarray(cube, np.float32)


def _played(folder, pixels):
    """[3,H,W] in [0,1] of 8-bit pixels [H,W,3] through the shader in ``folder``."""
    if reason := _plays():
        pytest.skip(reason)
    assert oiio.ImageBuf(pixels).write(str(folder / "in.png"))
    shown = "format=rgb0,hwupload,libplacebo=format=rgba64:custom_shader_path=shot.hook,hwdownload,format=rgba64"
    device = ["-init_hw_device", "vulkan=v", "-filter_hw_device", "v"]
    command = ["ffmpeg", "-loglevel", "error", "-y", *device, "-i", "in.png", "-vf", shown]
    command += ["-pix_fmt", "rgb48be", "-frames:v", "1", "-update", "1", "out.png"]
    subprocess.run(command, cwd=folder, check=True, timeout=_LIMIT)
    played = oiio.ImageBuf(str(folder / "out.png")).get_pixels(oiio.FLOAT)
    assert played is not None
    return played.transpose(2, 0, 1)


def _codes(pixels):
    return np.ascontiguousarray(pixels.transpose(2, 0, 1).astype(np.float32) / 255)


@pytest.mark.slow
def test_libplacebo_shows_what_the_table_says(tmp_path):
    """To 1.5e-3 of PQ: a texture's filter has few bits, and codes of 8 bits are exact."""
    write_lut(tmp_path / "shot.hook", _cube(), "mpv", "clip shot 1")
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    assert np.abs(_played(tmp_path, pixels) - look_up(_cube(), _codes(pixels))).max() < 1.5e-3


@pytest.mark.slow
def test_libplacebo_adds_the_light_of_the_grid(tmp_path):
    """To 3e-3 of PQ, inside of black bars alone, where the picture is clipped, and nowhere else."""
    stops = np.linspace(0, 2.5, 8 * 6, dtype=np.float32).reshape(6, 8)
    grid = ShotGrid(stops=stops, area=Area(top=0.25, bottom=0.75))
    write_lut(tmp_path / "shot.hook", _cube(), "mpv", "clip shot 1", grid)
    pixels = np.kron(np.random.default_rng(0).integers(0, 256, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    pixels[16:40, 20:50] = 255
    found, table = _played(tmp_path, pixels), look_up(_cube(), _codes(pixels))
    wanted = with_grid(table, _codes(pixels), grid)
    rows = [*range(11), *range(15, 33), *range(37, 48)]  # filters meet other rows than the cut-out picture has at bars
    assert np.abs(found - wanted)[:, rows].max() < 3e-3
    assert (wanted - table)[:, 30, 40].max() > 0.1
    assert np.abs(wanted - table)[:, :12].max() == 0
