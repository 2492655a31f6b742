"""The file beside an HDR video that leads back to its SDR source: of every frame, what lit it.

A ZIP archive: ``000000.bin`` and so on, one a frame as written, and ``facts.json``, which binds it to the HDR file by
its digest. Nothing of it is kept in memory.
"""

import json
import struct
import zipfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lumaflux.digests import file_digest
from lumaflux.errors import UserError

if TYPE_CHECKING:
    from lumaflux.inference.inverse import Lighting
    from lumaflux.settings import Settings

FORMAT, VERSION = "lumaflux-sdr", 1
SUFFIX = ".sdr"  # behind the name of the HDR file
_NEUTRAL = ("strength", "exposure", "saturation", "target_peak", "reference_white", "detail")


def sidecar_of(target: Path) -> Path:
    return target.with_name(target.name + SUFFIX)


def check_exact(settings: "Settings") -> None:
    """Raises UserError where the look is not the model's own, which alone is led back."""
    from lumaflux.settings import Settings

    for name in _NEUTRAL:
        if getattr(settings, name) != getattr(Settings(), name):
            said = name.replace("_", "-")
            raise UserError(f"--sdr-exact leads back from the model's own look; leave --{said} as it is")


class SidecarWriter:
    """``add`` every frame in order, then ``finish``. The file gets its name when the block ends well."""

    def __init__(self, target: Path, *, overwrite: bool = False):
        from lumaflux.media.atomic_file import AtomicFile

        self._file, self._frames = AtomicFile(sidecar_of(target), overwrite=overwrite), 0
        self._archive: Any = None

    def __enter__(self) -> Self:
        self._file.__enter__()
        self._archive = zipfile.ZipFile(self._file.partial, "w", zipfile.ZIP_DEFLATED)
        return self

    def add(self, lighting: "Lighting") -> None:
        from lumaflux.inference.inverse import packed

        self._archive.writestr(f"{self._frames:06d}.bin", packed(lighting))
        self._frames += 1

    def finish(self, target: Path, facts: dict[str, Any]) -> None:
        """Binds it to the finished HDR file; ``facts``: what else restoring needs to know."""
        whole = {"format": FORMAT, "version": VERSION, "frames": self._frames, "hdr": file_digest(target), **facts}
        self._archive.writestr("facts.json", json.dumps(whole))

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._archive.close()
        self._file.__exit__(kind, error, trace)


class Sidecar:
    """Raises UserError for a file that is none, or damaged, and for one of another HDR file than ``hdr``."""

    def __init__(self, path: Path, hdr: Path):
        try:
            self._archive = zipfile.ZipFile(path)
            self.facts: dict[str, Any] = json.loads(self._archive.read("facts.json"))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise UserError(f"{path} is no sidecar of --sdr-exact, or it is damaged ({error})") from None
        if self.facts.get("format") != FORMAT or self.facts.get("version") != VERSION:
            raise UserError(f"{path} is no sidecar of this version; convert the source again")
        if self.facts["hdr"] != file_digest(hdr):
            raise UserError(f"{path} belongs to another file than {hdr}; name the HDR file that it was made with")
        self.path, self.frames = path, int(self.facts["frames"])

    def lighting(self, index: int) -> "Lighting":
        """Of the HDR file's frame of that number."""
        from lumaflux.inference.inverse import unpacked

        try:
            return unpacked(self._archive.read(f"{index:06d}.bin"))
        except (KeyError, ValueError, struct.error, zipfile.BadZipFile) as error:
            raise UserError(f"{self.path} has no sound frame {index} ({error}); convert the source again") from None
