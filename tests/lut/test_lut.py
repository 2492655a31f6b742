"""Tables of a shot's tone: what is written comes back through another library, and lies where the conversion does."""

import re
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from lumaflux.backends.torch import TorchBackend
from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.inference.active_area import Area
from lumaflux.inference.converter import Converter
from lumaflux.lut.formats import format_of, write_lut
from lumaflux.lut.gain_grid import ShotGrid, mean_grid, with_grid
from lumaflux.lut.shot_tone import SIDE, cube_of, global_tone, look_up
from lumaflux.model.build import build
from lumaflux.model.presets import TINY

ocio: Any = import_module("PyOpenColorIO")  # binary module without type information


def found(pattern: str, text: str) -> re.Match[str]:
    match = re.search(pattern, text)
    assert match is not None, pattern
    return match


def cube(side=9):
    """A curve and a matrix with crosstalk: no axis can be mistaken for another."""
    nodes = np.linspace(0, 1, side, dtype=np.float32)
    blue, green, red = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    return np.stack([0.7 * red**0.5, 0.6 * green + 0.1 * red, 0.3 * blue**2 + 0.2 * green], axis=-1).astype(np.float32)


def codes(size=(20, 30)):
    return np.random.default_rng(3).random((3, *size), np.float32)


def through_ocio(path, picture):
    transform = ocio.FileTransform(src=str(path), interpolation=ocio.INTERP_LINEAR)
    processor = ocio.Config.CreateRaw().getProcessor(transform).getDefaultCPUProcessor()
    pixels = np.ascontiguousarray(picture.transpose(1, 2, 0))
    processor.applyRGB(pixels)
    return pixels.transpose(2, 0, 1)


@pytest.mark.parametrize("suffix", [".cube", ".clf"])
def test_tables_come_back_through_opencolorio(tmp_path, suffix):
    path = tmp_path / f"shot{suffix}"
    write_lut(path, cube(), format_of(path, None), 'a "title"')
    picture = codes()
    np.testing.assert_allclose(through_ocio(path, picture), look_up(cube(), picture), atol=2e-5)
    text = path.read_text()
    assert "BT.1886" in text
    assert "ST 2084" in text


def test_trilinear_interpolation_is_exact_for_what_is_linear():
    nodes = np.linspace(0, 1, 5, dtype=np.float32)
    blue, green, red = np.meshgrid(nodes, nodes, nodes, indexing="ij")
    same = np.stack([red, green, blue], axis=-1)
    picture = codes()
    np.testing.assert_allclose(look_up(same, picture), picture, atol=1e-6)
    np.testing.assert_allclose(look_up(same, np.ones((3, 1, 1), np.float32)), 1.0)


def test_a_shader_holds_the_table(tmp_path):
    path = tmp_path / "shot.hook"
    write_lut(path, cube(), format_of(path, None), "clip shot 1")
    text = path.read_text()
    assert "//!SIZE 9 9 9" in text
    data = "".join(re.findall(r"^[0-9A-F]{16,}$", text, re.M))
    texels = np.frombuffer(bytes.fromhex(data), "<u2").reshape(9, 9, 9, 4)
    np.testing.assert_allclose(texels[..., :3] / 65535, cube(), atol=1 / 65535)
    assert (texels[..., 3] == 65535).all()
    scale, offset = map(float, found(r"\* ([\d.]+) \+ ([\d.]+);", text).groups())
    for node in (0, 4, 8):  # the center of the texel of a node
        assert (node / 8) * scale + offset == pytest.approx((node + 0.5) / 9, abs=1e-8)


def test_a_shader_holds_the_grid(tmp_path):
    stops = np.linspace(0, 3, 12, dtype=np.float32).reshape(3, 4)
    write_lut(tmp_path / "a.hook", cube(), "mpv", "t", ShotGrid(stops=stops, area=Area(top=0.25)))
    text = (tmp_path / "a.hook").read_text()
    data = found(r"TEXTURE LUMAFLUX_GRID\n//!SIZE 4 3\n//!FORMAT r16\n(?://.*\n)*([0-9A-F]+)\n", text)[1]
    np.testing.assert_allclose(np.frombuffer(bytes.fromhex(data), "<u2") / 65535 * 3, stops.ravel(), atol=3 / 65535)
    assert "vec2(0.000000000, 0.250000000)) / vec2(1.000000000, 0.750000000)" in text


def test_the_grid_lights_what_is_clipped():
    picture = np.full((3, 16, 24), 0.5, np.float32)
    picture[:, 4:12, 6:18] = 1
    shown, grid = np.full((3, 16, 24), 0.58, np.float32), ShotGrid(stops=np.ones((4, 6), np.float32), area=Area())
    lit = pq.eotf(with_grid(shown, picture, grid))
    before = float(pq.eotf(np.float32(0.58)))
    assert lit[:, 8, 12] == pytest.approx([2 * before + 0.5] * 3, rel=1e-3)
    assert lit[:, 0, 0] == pytest.approx([before] * 3, rel=1e-3)


def test_grids_of_frames_have_a_mean_in_which_a_frame_without_light_counts():
    one = ShotGrid(stops=np.full((2, 3), 1.5, np.float32), area=Area(top=0.1))
    mean = mean_grid([one, None, one.times(2)])
    assert mean is not None
    assert mean.area == one.area
    np.testing.assert_allclose(mean.stops, 1.5)
    assert mean_grid([None, None]) is None


def test_a_shader_has_the_grid_that_comes_nearest(tmp_path, monkeypatch):
    import av

    from lumaflux.lut.export import export
    from lumaflux.render import Job
    from lumaflux.render.request import Request
    from lumaflux.settings import Settings

    stops = {"much light": 2.5, "hardly any light": 0.002}
    grids = {name: ShotGrid(stops=np.full((6, 8), each, np.float32), area=Area()) for name, each in stops.items()}
    monkeypatch.setattr("lumaflux.lut.export._grids", lambda *given: grids)
    monkeypatch.setattr("lumaflux.lut.export.cube_of", lambda *given: cube_of(*given, side=9))
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(3):
            picture = np.full((48, 64, 3), 90, np.uint8)
            picture[8:40, 4 + 12 * number : 34 + 12 * number] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    preset = replace(TINY, name="highlights", local_light="highlights", working_pixels=1024, tone_bins=4)
    converter = Converter(TorchBackend(build(preset, seed=0)))
    asked = Request(load_converter=lambda: converter, settings=Settings(), job=Job())
    said = export(clip, tmp_path / "shot.hook", asked)
    chosen = float(found(r"mean ([\d.]+)", said[1])[1])
    others = {found("^with (.*?):", one)[1]: float(found(r"mean ([\d.]+)", one)[1]) for one in said[3:]}
    best = found(r"frames 0 to 2, (.*), which comes nearest", said[0])[1]
    assert {best, *others} == {"no gain grid", *stops}
    assert chosen <= min(others.values()) < others["much light"]
    has_grid = "LUMAFLUX_GRID" in (tmp_path / "shot.hook").read_text()
    assert has_grid == (best != "no gain grid")


def test_formats_and_targets(tmp_path):
    assert format_of(tmp_path / "x.txt", "mpv") == "mpv"
    with pytest.raises(UserError, match=r"\.cube, \.clf or \.hook"):
        format_of(tmp_path / "x.txt", None)
    path = tmp_path / "x.cube"
    path.write_text("precious")
    with pytest.raises(UserError, match="exists already"):
        write_lut(path, cube(), "cube", "t")
    assert path.read_text() == "precious"


@pytest.fixture(scope="module")
def lite():
    from lumaflux.inference.load import load

    return load("lite")


@pytest.mark.slow
def test_the_table_of_a_shot_lies_where_its_conversion_does(lite, tmp_path):
    import av

    from lumaflux.lut.export import export
    from lumaflux.render import Job
    from lumaflux.render.request import Request
    from lumaflux.settings import Settings

    rng = np.random.default_rng(5)
    small = rng.random((6, 8, 3)) * 0.8 + 0.05  # nothing clipped: the conversion is the global tone
    smooth = np.kron(small, np.ones((16, 16, 1)))
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        frame = av.VideoFrame.from_ndarray((255 * smooth).astype(np.uint8), format="rgb24")
        for number in range(4):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    asked = Request(load_converter=lambda: lite, settings=Settings(exposure=0.5), job=Job())
    said = export(clip, tmp_path / "shot.cube", asked)
    assert "65x65x65, shot 1, frames 0 to 3" in said[0]
    mean = float(found(r"mean ([\d.]+)", said[1])[1])
    assert mean < 1.0  # less than one just noticeable step
    with pytest.raises(UserError, match="no shot 2; the clip has 1 shot, from 1 on"):
        export(clip, tmp_path / "two.cube", asked, 2)
    tone = lite.tone_of(np.ascontiguousarray((smooth.transpose(2, 0, 1)).astype(np.float32)))
    table, picture = cube_of(lite, tone, Settings()), codes()
    exact = global_tone(picture, lite, tone, Settings())
    assert np.abs(look_up(table, picture) - exact).max() < 0.02
    assert np.abs(look_up(table, picture) - exact).mean() < 5e-4
    assert table.shape == (SIDE, SIDE, SIDE, 3)
