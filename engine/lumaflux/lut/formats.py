"""How a cube is written: .cube (Adobe/IRIDAS, Resolve), CLF (S-2014-006), and a user shader of mpv and libplacebo."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lumaflux.errors import UserError
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


def write_lut(path: Path, cube: NDArray[np.float32], kind: LutFormat, title: str, *, overwrite: bool = False) -> None:
    """[n,n,n,3] by blue, green, red. Raises UserError for a file that cannot be written."""
    text = {"cube": cube_text, "clf": clf_text, "mpv": shader_text}[kind](cube, title)
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


def shader_text(cube: NDArray[np.float32], title: str) -> str:
    """A 3D texture of 16-bit values, read with linear filtering at the centers of its texels."""
    side = cube.shape[0]
    texels = np.concatenate([cube, np.ones((*cube.shape[:3], 1), np.float32)], axis=-1)
    data = np.rint(texels.clip(0, 1) * 65535).astype("<u2").tobytes().hex().upper()
    lines = [data[at : at + 4 * _COLUMNS] for at in range(0, len(data), 4 * _COLUMNS)]
    name = " ".join(title.split())
    head = f"""// {_INPUT} -> {_OUTPUT}
// mpv --vf=format:gamma=pq:primaries=bt.2020 --glsl-shaders={name}.hook FILE
//!TEXTURE LUMAFLUX_LUT
//!SIZE {side} {side} {side}
//!FORMAT rgba16
//!FILTER LINEAR
//!BORDER CLAMP
"""
    code = f"""
//!HOOK MAIN
//!BIND HOOKED
//!BIND LUMAFLUX_LUT
//!DESC LumaFlux: {name}
vec4 hook() {{
    vec4 color = HOOKED_tex(HOOKED_pos);
    vec3 place = clamp(color.rgb, 0.0, 1.0) * {(side - 1) / side:.9f} + {0.5 / side:.9f};
    return vec4(texture(LUMAFLUX_LUT, place).rgb, color.a);
}}
"""
    return head + "".join(lines) + "\n" + code


def default_name(path: Path) -> str:
    """A title of a file: its name without the suffix."""
    return os.path.splitext(path.name)[0]
