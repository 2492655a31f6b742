"""A directory of pictures in, a directory of pictures out, paired by file stem."""

from pathlib import Path

from lumaflux.errors import UserError

STILL_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".exr", ".dpx")


def picture_pairs(source: Path, target: Path, suffix: str = ".png") -> dict[Path, Path]:
    """Every picture ``name.ext`` of ``source`` and its ``name`` with ``suffix`` in ``target``, made if missing.

    Raises UserError when ``source`` holds no pictures or two of one stem, or ``target`` cannot be made.
    """
    pictures = sorted(path for path in source.iterdir() if path.suffix.lower() in STILL_SUFFIXES)
    if not pictures:
        raise UserError(f"{source} holds no pictures ({', '.join(STILL_SUFFIXES)}); name a directory that does")
    pairs: dict[Path, Path] = {}
    for picture in pictures:
        written = target / f"{picture.stem}{suffix}"
        if written in pairs.values():
            raise UserError(f"{source} has two pictures named {picture.stem}; rename one, both would be {written}")
        pairs[picture] = written
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the directory {target} cannot be made: {error.strerror}; choose another") from None
    return pairs
