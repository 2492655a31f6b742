"""The file beside an HDR video that leads back to its SDR source: of every frame, what lit it.

A ZIP archive: ``000000.bin`` and so on, one a frame as written, ``residual.mkv`` where one was asked for, and
``facts.json``, which binds it to the HDR file by its digest. Nothing of it is kept in memory.
"""

import json
import shutil
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lumaflux.digests import file_digest
from lumaflux.errors import UserError

if TYPE_CHECKING:
    from lumaflux.inference.inverse import Lighting
    from lumaflux.render.sdr_residual import Coding, Kind, Residual
    from lumaflux.settings import Settings

FORMAT, VERSIONS = "lumaflux-sdr", (1, 2)  # the second may hold a residual
_RESIDUAL = "residual.mkv"
SUFFIX = ".sdr"  # behind the name of the HDR file
_LARGEST_FACTS = 1 << 24  # bytes; a shot takes about a hundred
_DAMAGE = (  # of what zipfile raises for archives that are damaged, or made to be
    KeyError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    EOFError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
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
        self._attached: Path | None = None
        self.residual: Residual | None = None

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

    def lighting(self, index: int) -> "Lighting":
        """Of a frame that was added."""
        from lumaflux.inference.inverse import unpacked

        return unpacked(self._archive.read(f"{index:06d}.bin"))

    def attach(self, residual: Path, kind: "Kind", coding: "Coding") -> None:
        """A file as the archive's residual; it is removed at the end."""
        from lumaflux.render.sdr_residual import Residual

        self._archive.write(residual, _RESIDUAL, zipfile.ZIP_STORED)
        self._attached, self.residual = residual, Residual(residual, kind, coding)

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
        if self.residual is not None:
            self.residual.close()
        if self._attached is not None:
            self._attached.unlink(missing_ok=True)
        self._archive.close()
        self._file.__exit__(kind, error, trace)


class Sidecar:
    """A context manager, which keeps the residual in a file of its own.

    Raises UserError for a file that is none, or damaged, and for one of another HDR file than ``hdr``.
    """

    def __init__(self, path: Path, hdr: Path):
        try:
            self._archive = zipfile.ZipFile(path)
            if self._archive.getinfo("facts.json").file_size > _LARGEST_FACTS:
                raise ValueError("its facts are too large")
            self.facts: dict[str, Any] = json.loads(self._archive.read("facts.json"))
            if not isinstance(self.facts, dict):
                raise ValueError("its facts are no table")
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror or error}); name the sidecar of {hdr}") from None
        except _DAMAGE as error:
            raise UserError(f"{path} is no sidecar of --sdr-exact, or it is damaged ({error})") from None
        if self.facts.get("format") != FORMAT or self.facts.get("version") not in VERSIONS:
            raise UserError(f"{path} is no sidecar of this version; convert the source again")
        try:
            digest = file_digest(hdr)
        except OSError as error:
            raise UserError(f"{hdr} cannot be read ({error.strerror}); name the HDR file of {path}") from None
        if self.facts.get("hdr") != digest:
            raise UserError(f"{path} belongs to another file than {hdr}; name the HDR file that it was made with")
        frames = self.facts.get("frames")
        if not isinstance(frames, int) or f"{frames - 1:06d}.bin" not in self._archive.namelist():
            raise UserError(f"{path} does not hold the {frames} frames that it says; convert the source again")
        self.path, self.frames = path, frames
        self.residual: Residual | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def measured(self) -> dict[str, Any]:
        """What the conversion found of how near the SDR comes back; empty for sidecars of earlier versions."""
        return dict(self.facts.get("restored", {}))

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
        except (*_DAMAGE, TypeError, OSError) as error:
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
        except _DAMAGE as error:
            raise UserError(f"{self.path} has no sound frame {index} ({error}); convert the source again") from None
