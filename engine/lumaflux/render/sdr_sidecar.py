"""The file beside an HDR video that leads back to its SDR source: of every frame, what lit it.

A ZIP archive: ``000000.bin`` and so on, one a frame as written, ``residual.mkv`` where one was asked for, and
``facts.json``, which binds it to the HDR file by its digest. Nothing of it is kept in memory.
"""

import json
import shutil
import struct
import tempfile
import zipfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lumaflux.digests import file_digest
from lumaflux.errors import UserError

if TYPE_CHECKING:
    from lumaflux.inference.inverse import Lighting
    from lumaflux.render.sdr_residual import Residual
    from lumaflux.settings import Settings

FORMAT, VERSIONS = "lumaflux-sdr", (1, 2)  # the second may hold a residual
_RESIDUAL = "residual.mkv"
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

    @property
    def scratch(self) -> Path:
        """A hidden name beside it, for what is attached."""
        return self._file.scratch

    residual: None = None  # restoring from what is written so far has none

    def lighting(self, index: int) -> "Lighting":
        """Of a frame that was added."""
        from lumaflux.inference.inverse import unpacked

        return unpacked(self._archive.read(f"{index:06d}.bin"))

    def attach(self, residual: Path) -> None:
        """A file as the archive's residual."""
        self._archive.write(residual, _RESIDUAL, zipfile.ZIP_STORED)

    def finish(self, target: Path, facts: dict[str, Any]) -> None:
        """Binds it to the finished HDR file; ``facts``: what else restoring needs to know."""
        whole = {
            "format": FORMAT,
            "version": VERSIONS["residual" in facts],
            "frames": self._frames,
            "hdr": file_digest(target),
            **facts,
        }
        self._archive.writestr("facts.json", json.dumps(whole))

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._archive.close()
        self._file.__exit__(kind, error, trace)


class Sidecar:
    """A context manager, which keeps the residual in a file of its own.

    Raises UserError for a file that is none, or damaged, and for one of another HDR file than ``hdr``.
    """

    def __init__(self, path: Path, hdr: Path):
        try:
            self._archive = zipfile.ZipFile(path)
            self.facts: dict[str, Any] = json.loads(self._archive.read("facts.json"))
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror or error}); name the sidecar of {hdr}") from None
        except (KeyError, ValueError, zipfile.BadZipFile) as error:
            raise UserError(f"{path} is no sidecar of --sdr-exact, or it is damaged ({error})") from None
        if self.facts.get("format") != FORMAT or self.facts.get("version") not in VERSIONS:
            raise UserError(f"{path} is no sidecar of this version; convert the source again")
        try:
            digest = file_digest(hdr)
        except OSError as error:
            raise UserError(f"{hdr} cannot be read ({error.strerror}); name the HDR file of {path}") from None
        if self.facts["hdr"] != digest:
            raise UserError(f"{path} belongs to another file than {hdr}; name the HDR file that it was made with")
        self.path, self.frames = path, int(self.facts["frames"])
        self.residual: Residual | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        said = self.facts.get("residual")
        if said is None:
            return self
        from lumaflux.render.sdr_residual import Coding, Residual

        self._folder = tempfile.TemporaryDirectory(prefix="lumaflux-restore-")
        stream = Path(self._folder.name) / _RESIDUAL
        try:
            with self._archive.open(_RESIDUAL) as packed, stream.open("wb") as plain:
                shutil.copyfileobj(packed, plain)
            luma = said["luma"]
            coding = Coding(
                luma=luma if luma is None else tuple(luma), full_range=said["full_range"], siting=said["siting"]
            )
            self.residual = Residual(stream, said["kind"], coding)
        except (KeyError, TypeError, zipfile.BadZipFile) as error:
            self._folder.cleanup()
            raise UserError(f"{self.path} has no sound residual ({error}); convert the source again") from None
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.residual is not None:
            self.residual.close()
        if self._folder is not None:
            self._folder.cleanup()

    def lighting(self, index: int) -> "Lighting":
        """Of the HDR file's frame of that number."""
        from lumaflux.inference.inverse import unpacked

        try:
            return unpacked(self._archive.read(f"{index:06d}.bin"))
        except (KeyError, ValueError, struct.error, zipfile.BadZipFile) as error:
            raise UserError(f"{self.path} has no sound frame {index} ({error}); convert the source again") from None
