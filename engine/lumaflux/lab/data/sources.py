"""Where HDR and SDR pictures come from: folders of panoramas, stills and photographs, each with its scene and licence.

Two roots are read: a folder filled by ``python -m lumaflux.lab.data.fetch`` and, where HDR_DIR is set, a second
collection (``panoramas/``, ``stills/``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lumaflux.errors import UserError
from lumaflux.lab.data.scenes import Split, scene_table

Kind = Literal["panorama", "still", "photograph"]  # photograph: SDR, signal as it is stored


@dataclass(frozen=True, kw_only=True)
class Source:
    name: str  # collection/stem
    path: Path
    kind: Kind
    licence: str
    scene: str
    split: Split


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A folder of pictures of one kind and licence; ``only`` restricts it to the stems whose licence was checked."""

    name: str
    folder: str
    pattern: str
    kind: Kind
    licence: str
    only: frozenset[str] | None = None


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
    Collection(name="polyhaven", folder="panoramas", pattern="*.hdr", kind="panorama", licence="CC0"),
    Collection(name="openexr", folder="panoramas", pattern="*.exr", kind="panorama", licence="BSD-style (ILM)"),
    Collection(name="openexr", folder="stills", pattern="*.exr", kind="still", licence="BSD-style (ILM)"),
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
            )


def find_sources(packages: Path | None, hdr_dir: Path | None = None) -> list[Source]:
    """All pictures below the two roots, ordered by name. Raises UserError when there are none."""
    found = list(pictures_of(packages, PACKAGES)) if packages else []
    if hdr_dir:
        found += pictures_of(hdr_dir, HDR_DIR)
    if not found:
        raise UserError(
            f"no training pictures below {packages} or HDR_DIR ({hdr_dir}); fill a folder with: "
            "python -m lumaflux.lab.data.fetch DIR"
        )
    return sorted(found, key=lambda source: source.name)
