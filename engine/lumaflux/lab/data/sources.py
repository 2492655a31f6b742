"""Where HDR and SDR pictures come from: folders of panoramas, stills and photographs, each with its scene and licence.

Roots: a folder filled by ``python -m lumaflux.lab.data.fetch`` and, where HDR_DIR and HDR_MORE_DIR are set, two further
collections (``panoramas/``, ``stills/``; the second also ``cubes/``, ``video/``, ``gainmap/``, ``sdr/``).
"""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lumaflux.arguments import folder_there
from lumaflux.errors import UserError
from lumaflux.lab.data.scenes import Split, scene_table

# photograph: SDR, signal as it is stored; graded: HDR as its authors made it; pair: an author's SDR and HDR
Kind = Literal["panorama", "still", "cube", "photograph", "graded", "pair"]


@dataclass(frozen=True, kw_only=True)
class Source:
    name: str  # collection/stem
    path: Path
    kind: Kind
    licence: str
    scene: str
    split: Split
    beside: Path | None = None  # a pair's HDR picture, where it is a file of its own


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A folder of pictures of one kind and licence; ``only`` restricts it to the stems whose licence was checked.

    ``beside`` names the HDR sibling of a pair's SDR picture.
    """

    name: str
    folder: str
    pattern: str
    kind: Kind
    licence: str
    only: frozenset[str] | None = None
    beside: str | None = None


@dataclass(frozen=True, kw_only=True)
class SourceFolders:
    """Where sources lie.

    Attributes:
        packages: Filled by ``python -m lumaflux.lab.data.fetch``.
        hdr_dir: Further HDR material, by the layout of HDR_DIR.
        collections: The folders of published collections, by name.
    """

    packages: Path | None = None
    hdr_dir: Path | None = None
    collections: Mapping[str, Path] = field(default_factory=dict)


_BLENDER = "usr/share/blender/datafiles/studiolights/world"
# lomiri-wallpapers-16.04, debian/copyright: the pictures under CC BY 4.0 and CC0; share-alike ones are left out.
_CC_BY = frozenset(
    {
        "Picture_0B_by_freespace",
        "Picture_1A_by_freespace",
        "Wine_by_Jakkub_Mede",
        "aitzgorri_by_Aitzol_Berasategi",
        "friends_by_Aitzol_Berasategi",
        "life_by_Aitzol_Berasategi",
        "picosdeeuropa_by_Aitzol_Berasategi",
        "seeding_by_Clements_Engelhardt",
        "sunset_by_Aitzol_Berasategi",
        "umang_by_Abhishek_Mudgal",
    }
)

PACKAGES = (
    Collection(name="blender", folder=f"blender-data/{_BLENDER}", pattern="*.exr", kind="panorama", licence="CC0"),
    Collection(name="pmndrs", folder="pmndrs-assets/package/hdri", pattern="*.exr.js", kind="panorama", licence="CC0"),
    Collection(
        name="lomiri",
        folder="lomiri-wallpapers-16.04/usr/share/backgrounds",
        pattern="*.jpg",
        kind="photograph",
        licence="CC BY 4.0 or CC0",
        only=_CC_BY,
    ),
)
HDR_DIR = (
    Collection(name="pixel", folder="gainmap", pattern="pixel-*.jpg", kind="pair", licence="CC BY 4.0"),
    Collection(name="polyhaven", folder="panoramas", pattern="*.hdr", kind="panorama", licence="CC0"),
    Collection(name="openexr", folder="panoramas", pattern="*.exr", kind="panorama", licence="BSD-style (ILM)"),
    Collection(name="openexr", folder="stills", pattern="*.exr", kind="still", licence="BSD-style (ILM)"),
)
# A third root (HDR_MORE_DIR): the same kinds from other repositories, HDR pictures and clips as graded, and pairs.
HDR_MORE_DIR = (
    Collection(name="more", folder="panoramas", pattern="*.exr", kind="panorama", licence="CC0"),
    Collection(name="cubes", folder="cubes", pattern="*.exr", kind="cube", licence="MIT"),
    Collection(name="arm", folder="stills", pattern="arm_*.exr", kind="still", licence="CC0"),
    Collection(name="pfstools", folder="stills", pattern="mpi_atrium_3.exr", kind="still", licence="CC BY 3.0"),
    Collection(
        name="radiance", folder="stills", pattern="radiance_*.exr", kind="still", licence="Radiance (BSD-style)"
    ),
    Collection(name="immich", folder="stills", pattern="immich_*.avif", kind="graded", licence="public domain"),
    Collection(name="cosmos", folder="stills", pattern="libavif_cosmos*.y4m", kind="graded", licence="CC BY 3.0"),
    Collection(name="libjxl", folder="stills", pattern="libjxl_*.png", kind="graded", licence="CC BY 4.0"),
    Collection(name="live-ugc", folder="video", pattern="live_ugc_*.mov", kind="graded", licence="LIVE UGC HDR"),
    Collection(name="android", folder="gainmap", pattern="android_*.jpg", kind="pair", licence="Apache-2.0"),
    Collection(name="jetpack", folder="gainmap", pattern="jetpack_*.jpg", kind="pair", licence="Apache-2.0"),
    Collection(name="libavif", folder="gainmap", pattern="libavif_*.jpg", kind="pair", licence="BSD-2-Clause"),
    Collection(name="vearutop", folder="gainmap", pattern="vearutop_*.jpg", kind="pair", licence="MIT"),
    Collection(
        name="jbjrdn",
        folder="gainmap",
        pattern="jbjrdn_input_sdr.jpg",
        kind="pair",
        licence="Apache-2.0",
        beside="jbjrdn_input_hdr.avif",
    ),
    Collection(name="budgie", folder="sdr", pattern="budgie_*.jpg", kind="photograph", licence="CC0"),
    Collection(name="gb82", folder="sdr", pattern="gb82_*.jpg", kind="photograph", licence="CC0"),
    Collection(name="immich", folder="sdr", pattern="immich_*.jpg", kind="photograph", licence="public domain"),
    Collection(name="kodak", folder="sdr", pattern="kodak_*.jpg", kind="photograph", licence="Kodak, unrestricted"),
)


def pictures_of(root: Path, collections: tuple[Collection, ...]) -> Iterator[Source]:
    """The collections' pictures below ``root``, with their scenes and splits; none where a folder is missing."""
    table = scene_table()
    for collection in collections:
        for path in sorted((root / collection.folder).glob(collection.pattern)):
            stem = path.name.split(".")[0]
            if stem in table.never or (collection.only is not None and stem not in collection.only):
                continue
            name = f"{collection.name}/{stem}"
            scene = table.scene(name)
            yield Source(
                name=name,
                path=path,
                kind=collection.kind,
                licence=collection.licence,
                scene=scene,
                split=table.split(scene),
                beside=path.with_name(collection.beside) if collection.beside else None,
            )


def find_sources(packages: Path | None, hdr_dir: Path | None = None, more_dir: Path | None = None) -> list[Source]:
    """All pictures below the roots, ordered by name. Raises UserError when there are none."""
    found = list(pictures_of(packages, PACKAGES)) if packages else []
    if hdr_dir:
        found += pictures_of(hdr_dir, HDR_DIR)
    if more_dir:
        found += pictures_of(more_dir, HDR_MORE_DIR)
    if not found:
        raise UserError(
            f"no training pictures below {packages} or HDR_DIR ({hdr_dir}); fill a folder with: "
            "python -m lumaflux.lab.data.fetch DIR"
        )
    return sorted(found, key=lambda source: source.name)


def read_pool_command(
    module: str,
    description: str | None,
    arguments: Sequence[str] | None,
    roots: Sequence[str] = ("HDR_DIR", "HDR_MORE_DIR"),
) -> tuple[Path, list[Source]]:
    """OUT and --packages of a ``module`` that makes a pool, and the pictures below these and ``roots``, which are names
    of the environment.

    Raises UserError when there are none.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("out", type=Path)
    parser.add_argument("--packages", type=folder_there, default=None, help="folder filled by lumaflux.lab.data.fetch")
    options = parser.parse_args(arguments)
    folders = [Path(folder) if (folder := os.environ.get(name)) else None for name in roots]
    return options.out, find_sources(options.packages, *folders)
