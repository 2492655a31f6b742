"""What stands beside the pictures of a video besides other streams: timecode, names, projection, camera and place."""

import os
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lumaflux.media.metadata.media_info import MediaInfo
from lumaflux.media.video import ebml, isobmff
from lumaflux.media.video.source import video_stream
from lumaflux.media.video.timecode import later

_STREAM_TAGS = ("language", "title", "handler_name", "creation_time")
_PROJECTIONS = {0: "equirectangular", 1: "cubemap", 2: "equirectangular"}  # AVSphericalProjection
_STEREO = {1: 2, 2: 1}  # AVStereo3DType side by side and top-bottom -> st3d's mode


@dataclass(frozen=True, kw_only=True)
class Beside:
    """``metadata`` for the output's video stream, ``boxes`` for its sample entry (``st3d``, ``sv3d``), and sentences on
    what is lost. ``own_keys``: the file says things, of its camera say, that MP4 has no atoms of its own for."""

    metadata: dict[str, str]
    boxes: bytes
    lost: tuple[str, ...]
    own_keys: bool


def beside(container: Any, source: MediaInfo, start: Fraction) -> Beside:
    """Of the video ``source``, open as ``container``, from ``start`` seconds of it on."""
    stream = video_stream(container, source.path)
    metadata = {key: text for key, text in stream.metadata.items() if key.lower() in _STREAM_TAGS}
    lost: list[str] = []
    address = _timecode(container, stream)
    if address is not None:
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        moved = later(address, round(start * rate), rate)
        if moved is None:
            lost.append(f"The timecode {address!r} is left out: it is no time address at {float(rate):.3f} frames/s.")
        else:
            metadata["timecode"] = moved
    if has_alpha_beside(stream):
        lost.append("Alpha is left out: it lies in a second stream of the VP8 or VP9 pictures.")
    boxes = _projection(source, lost)
    lost += _hidden_layers(source.path, container.format.name)
    own_keys = any(key.lower().startswith("com.") or key.lower() in ("make", "model") for key in container.metadata)
    return Beside(metadata=metadata, boxes=boxes, lost=tuple(lost), own_keys=own_keys)


def has_alpha_beside(stream: Any) -> bool:
    """Whether alpha comes as pictures of its own beside each of VP8's or VP9's (WebM)."""
    return _lower(stream.metadata).get("alpha_mode") == "1"


def _lower(metadata: dict[str, str]) -> dict[str, str]:
    return {key.lower(): text for key, text in metadata.items()}


def _timecode(container: Any, stream: Any) -> str | None:
    """Of the pictures, of a timecode track, or of the file."""
    for place in (stream, *container.streams.data, container):
        if (found := _lower(place.metadata).get("timecode")) is not None:
            return found
    return None


def _projection(source: MediaInfo, lost: list[str]) -> bytes:
    """Boxes of Spherical Video V2 for what the first frame says of itself."""
    boxes = b""
    if source.stereo:
        (mode,) = struct.unpack_from("=i", source.stereo)
        if mode in _STEREO:
            boxes += isobmff.box(b"st3d", bytes(4) + bytes([_STEREO[mode]]))
        elif mode:
            lost.append("The arrangement of its two views is left out: it is neither side by side nor top and bottom.")
    if source.sphere:
        projection, yaw, pitch, roll, left, top, right, bottom = struct.unpack_from("=4i4I", source.sphere)
        kind = _PROJECTIONS.get(projection)
        if kind is None:
            lost.append("Its spherical projection is left out: it is neither equirectangular nor a cube map.")
            return boxes
        header = isobmff.box(b"prhd", bytes(4) + struct.pack(">3i", yaw, pitch, roll))
        if kind == "equirectangular":
            shape = isobmff.box(b"equi", bytes(4) + struct.pack(">4I", top, bottom, left, right))
        else:
            shape = isobmff.box(b"cbmp", bytes(12))
        maker = isobmff.box(b"svhd", bytes(4) + b"LumaFlux\0")
        boxes += isobmff.box(b"sv3d", maker + isobmff.box(b"proj", header + shape))
    return boxes


def _hidden_layers(path: str | os.PathLike, container: str) -> list[str]:
    """Layers of HEVC that plain decoders leave out: Apple's alpha, second views."""
    if not container.startswith("mov"):
        return []
    with open(path, "rb") as file:
        for entry in isobmff.visual_entries(file):
            if any(box.kind == b"lhvC" for box in isobmff.visual_children(file, entry)):
                return ["A further layer of the HEVC pictures (alpha or a second view) is left out."]
    return []


@dataclass(frozen=True, kw_only=True)
class Crop:
    """Columns and rows that Matroska says are not to be shown (RFC 9559 5.1.4.1.28.8 to 11)."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))

    def size(self, width: int, height: int) -> tuple[int, int]:
        return width - self.left - self.right, height - self.top - self.bottom

    def apply(self, image: Any) -> Any:
        """``image`` [..., H, W] without its hidden edges."""
        height, width = image.shape[-2:]
        return image[..., self.top : height - self.bottom, self.left : width - self.right]


def crop_of(path: str | os.PathLike, container: str, width: int, height: int) -> Crop:
    """None of it where it would leave nothing."""
    if not container.startswith("matroska"):
        return Crop()
    fields = {ebml.CROP_LEFT: "left", ebml.CROP_TOP: "top", ebml.CROP_RIGHT: "right", ebml.CROP_BOTTOM: "bottom"}
    found = {}
    with open(path, "rb") as file:
        for kind, name in fields.items():
            element = next(ebml.track_elements(file, ebml.VIDEO, kind), None)
            if element is not None:
                found[name] = int.from_bytes(ebml.read(file, element)[:8], "big")
    crop = Crop(**found)
    return crop if min(crop.size(width, height)) >= 1 else Crop()
