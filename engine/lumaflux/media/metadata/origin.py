"""What a file says of where its picture comes from: a camera or phone, or a master that was graded and delivered."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lumaflux.media.metadata.media_info import MediaInfo

Kind = Literal["camera", "graded"]
_MAKES = ("make", "com.apple.quicktime.make", "com.android.manufacturer", "com.android.version")
_MODELS = ("model", "com.apple.quicktime.model", "com.android.model")
_EXPOSURES = ("ExposureTime", "FNumber", "Exif:ISOSpeedRatings", "Exif:PhotographicSensitivity")
_MASTERING = {"prores": "ProRes", "dnxhd": "DNxHD", "cfhd": "CineForm", "jpeg2000": "JPEG 2000"}  # codecs of masters
# Names that cameras and phones give: their files are numbered, too, but are photographs.
_CAMERA_NAMES = re.compile(r"(img|dsc|dscn|dscf|pxl|mvimg|gopr|dji|photo|_mg|p\d{2})[_\-\s]?\d", re.IGNORECASE)
_NUMBERED = re.compile(r"(?P<head>.*?)(?P<number>\d{2,})(?P<tail>\.[^.]+)$")


def camera_of_still(spec: Any, dropped: tuple[str, ...]) -> str | None:
    """What in a picture's OpenImageIO ``spec`` says that a camera made it, or its gain map does; None for nothing."""
    make = " ".join(text for name in ("Make", "Model") if (text := spec.get_string_attribute(name).strip()))
    if make:
        return make
    if "gain map" in dropped:
        return "a gain map"
    return "an exposure in its Exif data" if any(spec.getattribute(name) is not None for name in _EXPOSURES) else None


def camera_of_video(*metadata: Mapping[str, str]) -> str | None:
    """The camera or phone that a container's or a stream's ``metadata`` name; None for none."""
    found = {key.lower(): value for part in metadata for key, value in part.items()}
    make = next((found[key] for key in _MAKES if found.get(key)), None)
    model = next((found[key] for key in _MODELS if found.get(key)), None)
    if make is not None and make == found.get("com.android.version"):
        make = f"Android {make}"
    return " ".join(part for part in (make, model) if part) or None


def kind_of(info: "MediaInfo") -> tuple[Kind, str] | None:
    """What the file of ``info`` comes from, and the fact that says so; None where nothing does."""
    if info.camera is not None:
        return "camera", info.camera
    if (sibling := hlg_sibling(Path(info.path))) is not None:
        return "camera", f"{sibling.name} beside it"
    if info.container == "heic":
        return "camera", "HEIC, a format of phones"
    if info.codec in _MASTERING:
        return "graded", f"{_MASTERING[info.codec]}, a codec of masters"
    if info.container == "dpx":
        return "graded", "DPX, a format of masters"
    return None


def hlg_sibling(path: Path) -> Path | None:
    """The HLG rendition that cameras leave beside an SDR one: clip_hlg.mov or clip-hlg.mov for clip_sdr.mov."""
    stem = re.sub(r"[_-]?sdr$", "", path.stem, flags=re.IGNORECASE)
    names = (f"{stem}{join}{word}{path.suffix}" for join in ("_", "-") for word in ("hlg", "HLG"))
    return next((found for name in names if (found := path.with_name(name)).is_file() and found != path), None)


def of_a_sequence(path: Path) -> bool:
    """Whether a picture's neighbour in number lies beside it, and its name is none that cameras give."""
    match = _NUMBERED.fullmatch(path.name)
    if match is None or _CAMERA_NAMES.match(path.name):
        return False
    digits = len(match["number"])
    near = (int(match["number"]) + step for step in (1, -1))
    return any(path.with_name(f"{match['head']}{n:0{digits}d}{match['tail']}").is_file() for n in near if n >= 0)
