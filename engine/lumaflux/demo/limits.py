"""What an upload may be: named and refused before anything is decoded whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lumaflux.errors import UserError

if TYPE_CHECKING:
    from lumaflux.media.metadata.info import MediaInfo


@dataclass(frozen=True, kw_only=True)
class Limits:
    """``megabytes`` of a file, ``pixels`` of a frame, ``frames`` of a clip that are converted, ``waiting`` jobs."""

    megabytes: int = 500
    pixels: int = 3840 * 2160
    frames: int = 300
    waiting: int = 20

    def __post_init__(self) -> None:
        for name in ("megabytes", "pixels", "frames", "waiting"):
            if getattr(self, name) < 1:
                raise UserError(f"the limit of {name} is {getattr(self, name)}; it must be at least 1")

    def check(self, path: Path) -> "MediaInfo":
        """What the file is. Raises UserError for a file that is larger, HDR already, or no picture or video;
        the message has the file's own name and no path."""
        from lumaflux.media.metadata.info import probe

        size = path.stat().st_size if path.is_file() else 0
        if size > self.megabytes << 20:
            raise UserError(f"{path.name} has {size >> 20} MB; the page takes up to {self.megabytes}")
        try:
            info = probe(path)
        except UserError as error:
            raise UserError(without_folder(str(error), path)) from None
        if info.is_hdr:
            said = info.hdr or info.transfer.value.upper()
            raise UserError(f"{path.name} is HDR already ({said}); the page takes SDR")
        if info.width * info.height > self.pixels:
            raise UserError(
                f"{path.name} has {info.width}x{info.height} pixels; the page takes up to {self.pixels} a frame"
            )
        if info.kind == "video" and (info.frame_count or 0) > self.frames:
            raise UserError(
                f"{path.name} has {info.frame_count} frames; the page takes up to {self.frames}: trim it, or use the "
                "command"
            )
        return info


def without_folder(sentence: str, *paths: Path) -> str:
    """A message as a visitor may read it: no folder of the machine that serves the page."""
    for path in paths:
        sentence = sentence.replace(str(path), path.name).replace(f"{path.parent}/", "")
    return sentence
