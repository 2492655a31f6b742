"""How a cube is written: .cube (Adobe/IRIDAS, Resolve), CLF (S-2014-006), and a user shader of mpv and libplacebo."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumaflux.color import pq
from lumaflux.errors import UserError
from lumaflux.inference.detail import CLIPPING_BEGINS, CLIPPING_WHOLE, OFFSET_NITS
from lumaflux.inference.highlights import LARGEST_RECOVERY
from lumaflux.lut.gain_grid import ShotGrid
from lumaflux.media.atomic_file import AtomicFile
from lumaflux.options import LutFormat

SUFFIXES: dict[str, LutFormat] = {".cube": "cube", ".clf": "clf", ".hook": "mpv", ".glsl": "mpv"}
_INPUT = "BT.709 R'G'B' meant for BT.1886, full range"
_OUTPUT = "PQ (SMPTE ST 2084) R'G'B', BT.2020 primaries, full range"
_COLUMNS = 64  # values on a line of a shader's texture


def format_of(path: Path, asked: LutFormat | None) -> LutFormat:
    """By the suffix where nothing is asked for. Raises UserError for a suffix that says none."""
    found = asked or SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise UserError(f"{path}: a table is a .cube, .clf or .hook file; name one, or say --format")
    return found


def write_lut(
    path: Path,
    cube: NDArray[np.float32],
    kind: LutFormat,
    title: str,
    grid: ShotGrid | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """[n,n,n,3] by blue, green, red; a shader has the ``grid``, too. Raises UserError for a file that cannot be
    written."""
    text = shader_text(cube, title, grid) if kind == "mpv" else {"cube": cube_text, "clf": clf_text}[kind](cube, title)
    with AtomicFile(path, overwrite=overwrite) as file:
        file.partial.write_text(text, "utf-8")


def cube_text(cube: NDArray[np.float32], title: str) -> str:
    """Red runs fastest; the domain is stated."""
    lines = [
        f"# {_INPUT} -> {_OUTPUT}",
        'TITLE "{}"'.format(title.replace('"', "'").replace("\n", " ")),
        f"LUT_3D_SIZE {cube.shape[0]}",
        "DOMAIN_MIN 0.0 0.0 0.0",
        "DOMAIN_MAX 1.0 1.0 1.0",
    ]
    rows = cube.reshape(-1, 3).tolist()
    return "\n".join([*lines, *(f"{r:.7f} {g:.7f} {b:.7f}" for r, g, b in rows)]) + "\n"


def clf_text(cube: NDArray[np.float32], title: str) -> str:
    """Written by OpenColorIO."""
    ocio: Any = import_module("PyOpenColorIO")  # binary module without type information

    side = cube.shape[0]
    table = ocio.Lut3DTransform(
        gridSize=side, fileOutputBitDepth=ocio.BIT_DEPTH_F32, interpolation=ocio.INTERP_TETRAHEDRAL
    )
    table.setData(np.ascontiguousarray(cube.transpose(2, 1, 0, 3).reshape(-1)))  # blue runs fastest there
    group = ocio.GroupTransform([table])
    data = group.getFormatMetadata()
    data.setName(title)
    data.addChildElement("InputDescriptor", _INPUT)
    data.addChildElement("OutputDescriptor", _OUTPUT)
    return group.write(formatName="Academy/ASC Common LUT Format", config=ocio.Config.CreateRaw())


def shader_text(cube: NDArray[np.float32], title: str, grid: ShotGrid | None = None) -> str:
    """A 3D texture of 16-bit values, read with linear filtering at the centers of its texels; the ``grid`` is a second
    one, of stops."""
    side = cube.shape[0]
    texels = np.concatenate([cube, np.ones((*cube.shape[:3], 1), np.float32)], axis=-1)
    name = " ".join(title.split())
    head = f"""// {_INPUT} -> {_OUTPUT}
// mpv --vf=format:gamma=pq:primaries=bt.2020 --glsl-shaders={name}.hook FILE
"""
    table = _texture("LUMAFLUX_LUT", f"{side} {side} {side}", "rgba16", texels)
    bound, light, added = "", "", ""
    if grid is not None:
        height, width = grid.stops.shape
        table += _texture("LUMAFLUX_GRID", f"{width} {height}", "r16", grid.stops / np.float32(LARGEST_RECOVERY))
        bound, light, added = "//!BIND LUMAFLUX_GRID\n", _LIGHT, _added(grid)
    code = f"""
//!HOOK MAIN
//!BIND HOOKED
//!BIND LUMAFLUX_LUT
{bound}//!DESC LumaFlux: {name}
{light}vec4 hook() {{
    vec4 color = HOOKED_tex(HOOKED_pos);
    vec3 place = clamp(color.rgb, 0.0, 1.0) * {(side - 1) / side:.9f} + {0.5 / side:.9f};
    vec3 shown = texture(LUMAFLUX_LUT, place).rgb;
{added}    return vec4(shown, color.a);
}}
"""
    return head + table + code


def _texture(name: str, size: str, form: str, values: NDArray[np.float32]) -> str:
    data = np.rint(values.clip(0, 1) * 65535).astype("<u2").tobytes().hex().upper()
    lines = "".join(data[at : at + 4 * _COLUMNS] for at in range(0, len(data), 4 * _COLUMNS))
    return f"//!TEXTURE {name}\n//!SIZE {size}\n//!FORMAT {form}\n//!FILTER LINEAR\n//!BORDER CLAMP\n{lines}\n\n"


# ST 2084 both ways, in cd/m2, and how clipped a pixel is by the mean over its neighbors (inference/detail.py)
_LIGHT = f"""vec3 light_of(vec3 signal) {{
    vec3 root = pow(max(signal, 0.0), vec3(1.0 / {pq.PQ_M2:.9f}));
    vec3 ratio = max(root - {pq.PQ_C1:.9f}, 0.0) / ({pq.PQ_C2:.9f} - {pq.PQ_C3:.9f} * root);
    return 10000.0 * pow(ratio, vec3(1.0 / {pq.PQ_M1:.9f}));
}}
vec3 signal_of(vec3 light) {{
    vec3 root = pow(clamp(light / 10000.0, 0.0, 1.0), vec3({pq.PQ_M1:.9f}));
    return pow(({pq.PQ_C1:.9f} + {pq.PQ_C2:.9f} * root) / (1.0 + {pq.PQ_C3:.9f} * root), vec3({pq.PQ_M2:.9f}));
}}
float clipped() {{
    float sum = 0.0;
    for (int y = -2; y <= 2; y++) {{
        for (int x = -2; x <= 2; x++) {{
            vec3 near = HOOKED_texOff(vec2(float(x), float(y))).rgb;
            sum += smoothstep({CLIPPING_BEGINS:.6f}, {CLIPPING_WHOLE:.6f}, max(near.r, max(near.g, near.b)));
        }}
    }}
    return sum / 25.0;
}}
"""


def _added(grid: ShotGrid) -> str:
    """The lines that bring the grid's stops into ``shown``, inside of the picture's area."""
    area = grid.area
    left, top, width, height = area.left, area.top, area.right - area.left, area.bottom - area.top
    return f"""    vec2 inside = (HOOKED_pos - vec2({left:.9f}, {top:.9f})) / vec2({width:.9f}, {height:.9f});
    if (all(greaterThanEqual(inside, vec2(0.0))) && all(lessThanEqual(inside, vec2(1.0)))) {{
        float stops = {LARGEST_RECOVERY:.6f} * clipped() * texture(LUMAFLUX_GRID, inside).r;
        shown = signal_of((light_of(shown) + {OFFSET_NITS:.6f}) * exp2(stops) - {OFFSET_NITS:.6f});
    }}
"""


def default_name(path: Path) -> str:
    """A title of a file: its name without the suffix."""
    return os.path.splitext(path.name)[0]
