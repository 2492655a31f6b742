"""The effect's bundle: put where hosts look, told which Python runs the engine, and removed."""

import contextlib
import json
import os
import platform
import secrets
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.service.parameters import MODELS, write_parameters
from lumaflux.version import __version__

NAME = "LumaFlux.ofx.bundle"
LIBRARY = "LumaFlux.ofx"
# Where every host of a system looks (OpenFX 1.5, "Packaging OFX Plug-ins").
_USUAL_FOLDERS = {"win32": "C:/Program Files/Common Files/OFX/Plugins", "darwin": "/Library/OFX/Plugins"}
USUAL_FOLDER = Path(_USUAL_FOLDERS.get(sys.platform, "/usr/OFX/Plugins"))
_SHIPPED = Path(__file__).with_name(NAME)  # in a wheel
_BUILT = Path(__file__).parents[3] / "build" / "plugin" / NAME  # in a checkout


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What an installed bundle says of itself; ``python`` and ``version`` are "" where engine.json is missing."""

    path: Path
    python: str
    version: str

    @property
    def faults(self) -> list[str]:
        """What keeps it from working, each with its remedy."""
        again = "run `lumaflux plugin install` again"
        found = []
        if not self.python:
            found.append(f"{self.path} does not say which Python runs the engine; {again}")
        elif not os.access(self.python, os.X_OK):
            found.append(f"{self.python}, which should run the engine, is not there; {again}")
        if self.version and self.version != __version__:
            found.append(f"the effect is of version {self.version}, this engine {__version__}; {again}")
        return found


def plugin_folder(folder: Path | None = None) -> Path:
    """The folder that is named, the first of OFX_PLUGIN_PATH, or the usual one."""
    first = next(filter(None, os.environ.get("OFX_PLUGIN_PATH", "").split(os.pathsep)), "")
    return folder or (Path(first) if first else USUAL_FOLDER)


def install(
    folder: Path, *, built: Path | None = None, models: Mapping[str, str] | None = None, resident: bool = False
) -> Path:
    """Puts the built bundle into ``folder``, in place of one that is there, whole or not at all; its path.

    ``models``: label by directory, added to those of the bundle that is replaced. ``resident``: the engine that the
    effect starts stays between sessions. Hosts that have the old one open
    keep it until they restart. Raises UserError when there is no built bundle or the folder cannot be written.
    """
    built = built or (_SHIPPED if _libraries(_SHIPPED) else _BUILT)
    if not _libraries(built):
        raise UserError(f"there is no built effect at {built}; run `make plugin` in the source folder first")
    target = folder / NAME
    models = {**_added_models(target), **_checked(models or {})}
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{NAME}.{secrets.token_hex(4)}.partial"
        try:
            shutil.copytree(built, partial)
            resources = partial / "Contents" / "Resources"
            resources.mkdir(exist_ok=True)
            about = {"python": sys.executable, "version": __version__, "resident": resident, **_python()}
            (resources / "engine.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
            write_parameters(resources / "parameters.json", models)
            _replace(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def _python() -> dict[str, str]:
    """What an engine in the host's process needs to know of this Python; ``library`` is "" where it has none."""
    name, folder = sysconfig.get_config_var("INSTSONAME"), sysconfig.get_config_var("LIBDIR")
    library = Path(folder or "") / (name or "")
    shared = bool(sysconfig.get_config_var("Py_ENABLE_SHARED")) and library.is_file()
    return {
        "python_version": platform.python_version(),
        "library": str(library) if shared else "",
        "packages": sysconfig.get_path("purelib"),
    }


def installed(folder: Path) -> Installed | None:
    """The bundle in a folder; None when there is none."""
    path = folder / NAME
    if not _libraries(path):
        return None
    about: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        about = json.loads((path / "Contents" / "Resources" / "engine.json").read_text("utf-8"))
    return Installed(path=path, python=str(about.get("python", "")), version=str(about.get("version", "")))


def uninstall(folder: Path) -> Path:
    """Removes the bundle from a folder; the path where it was. Raises UserError when none is there."""
    found = installed(folder)
    if found is None:
        raise UserError(f"the effect is not installed in {folder}; name its folder with --dir")
    with _writing(folder):
        _remove(found.path)
    return found.path


def _libraries(bundle: Path) -> list[Path]:
    return sorted(bundle.glob(f"Contents/*/{LIBRARY}"))


def _added_models(target: Path) -> dict[str, str]:
    """The user's models of an installed bundle, in their order: hosts have saved their place in the list."""
    with contextlib.suppress(OSError, ValueError, KeyError, StopIteration):
        description = json.loads((target / "Contents" / "Resources" / "parameters.json").read_text("utf-8"))
        model = next(member for member in description["parameters"] if member["name"] == "model")
        pairs = zip(model["values"], model["choices"], strict=True)
        return {value: label for value, label in pairs if value not in MODELS}
    return {}


def _checked(models: Mapping[str, str]) -> dict[str, str]:
    for directory in models:
        if not (Path(directory) / "config.json").is_file():
            raise UserError(f"{directory} is no model directory: it has no config.json")
    return {str(Path(directory).resolve()): label for directory, label in models.items()}


def _replace(partial: Path, target: Path) -> None:
    """A folder cannot be renamed over another: the old one steps aside first and returns if that fails."""
    if not target.exists():
        os.rename(partial, target)
        return
    aside = target.with_name(f".{NAME}.{secrets.token_hex(4)}.old")
    os.rename(target, aside)
    try:
        os.rename(partial, target)
    except OSError:
        os.rename(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _remove(target: Path) -> None:
    aside = target.with_name(f".{NAME}.{secrets.token_hex(4)}.old")
    os.rename(target, aside)  # at once for every host, however long the removal takes
    shutil.rmtree(aside)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror}); run this as its owner (sudo), "
            "or name another folder with --dir and let OFX_PLUGIN_PATH point there"
        ) from None
