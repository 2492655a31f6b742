"""What tells one file from another: a digest of all its bytes.

xxHash for inputs and frames, which are large and many; SHA-256 for weights and corpora, whose digests are published.
"""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import xxhash

_BLOCK = 1 << 22


def file_digest(path: Path) -> str:
    """XXH3-128 of a file's contents, as hexadecimal digits. Raises OSError."""
    return _digest("xxh3", *_identity(path))


def sha256(path: Path) -> str:
    """SHA-256 of a file's contents, as hexadecimal digits. Raises OSError."""
    return _digest("sha256", *_identity(path))


def text_digest(text: str) -> str:
    """XXH3-128 of a text in UTF-8."""
    return xxhash.xxh3_128(text.encode()).hexdigest()


def _identity(path: Path) -> tuple[str, int, int, int, int, int]:
    """A file as it is now. The time of change, unlike that of modification, cannot be set, so a file that was
    rewritten within its size is read again."""
    facts = os.stat(path)
    return os.fspath(path), facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


@lru_cache(maxsize=4096)
def _digest(kind: str, path: str, *facts: int) -> str:
    digest = hashlib.sha256() if kind == "sha256" else xxhash.xxh3_128()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
