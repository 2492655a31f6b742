"""Results in files of at most 15 MB, with their digests: what a narrow way back from a machine takes.

``python scripts/gpu/pack.py split FILE_OR_FOLDER ... --to FOLDER``; at home ``python scripts/gpu/pack.py join FOLDER
--to FOLDER``. A file that is changed on the way is named, and nothing of it is written.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

LARGEST = 15_000_000  # bytes of a part
MANIFEST = "packed.json"


def split(sources: list[Path], target: Path, largest: int = LARGEST) -> dict[str, dict]:
    """Copies every file of ``sources`` into ``target`` in parts; the manifest names them and their SHA-256."""
    target.mkdir(parents=True, exist_ok=True)
    entries: dict[str, dict] = {}
    for source in sources:
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        for file in files:
            name = str(Path(source.name) / file.relative_to(source)) if source.is_dir() else file.name
            content, parts = file.read_bytes(), []
            for number, begin in enumerate(range(0, max(len(content), 1), largest)):
                part = f"{name.replace('/', '--')}.{number:03d}"
                (target / part).write_bytes(content[begin : begin + largest])
                parts.append(part)
            entries[name] = {"parts": parts, "sha256": hashlib.sha256(content).hexdigest()}
    (target / MANIFEST).write_text(json.dumps(entries, indent=1) + "\n")
    return entries


def join(folder: Path, target: Path) -> list[str]:
    """Writes the files that ``split`` took apart; the names of those that are not whole."""
    damaged = []
    for name, entry in json.loads((folder / MANIFEST).read_text()).items():
        found = [folder / part for part in entry["parts"]]
        content = b"".join(part.read_bytes() for part in found if part.is_file())
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            damaged.append(name)
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    return damaged


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    taking_apart = actions.add_parser("split")
    taking_apart.add_argument("sources", type=Path, nargs="+")
    taking_apart.add_argument("--to", type=Path, required=True)
    joining = actions.add_parser("join")
    joining.add_argument("folder", type=Path)
    joining.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    if options.action == "split":
        split(options.sources, options.to)
        return 0
    damaged = join(options.folder, options.to)
    for name in damaged:
        print(f"{name} is not whole; fetch its parts again", file=sys.stderr)
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())
