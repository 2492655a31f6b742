"""A directory of pictures in, a directory of pictures out, paired by file stem."""

from pathlib import Path

from lumaflux.errors import UserError
from lumaflux.media.stills.probe import is_still
from lumaflux.media.stills.sequence_path import SequencePath
from lumaflux.media.video.source import check_file

STILL_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".exr", ".dpx", ".heic", ".heif", ".avif", ".jxl")
MOVING_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob", ".mxf"),
    *(".flv", ".wmv", ".asf", ".ogv", ".gif", ".nut", ".ivf", ".y4m", ".dv", ".3gp"),
)


def is_picture(source: Path) -> bool:
    """Whether a path names one picture: by its contents, as far as a picture's begin like one."""
    return SequencePath.parse(source) is None and is_still(check_file(source))


def is_hidden(path: Path) -> bool:
    """Whether a file is one that people do not see: AppleDouble companions (``._name``), ``.DS_Store`` and the like."""
    return path.name.startswith(".")


def sorted_out(source: Path) -> tuple[list[Path], list[Path], list[str]]:
    """Pictures and videos of a directory by their suffixes, and a sentence for each other file."""
    pictures, videos, skipped = [], [], []
    for path in sorted(source.iterdir()):
        suffix = path.suffix.lower()
        if path.is_dir():
            skipped.append(f"{path} is skipped: it is a directory.")
        elif is_hidden(path):
            kind = "the companion of another file (AppleDouble)" if path.name.startswith("._") else "a hidden file"
            skipped.append(f"{path} is skipped: it is {kind}.")
        elif suffix in STILL_SUFFIXES:
            pictures.append(path)
        elif suffix in MOVING_SUFFIXES:
            videos.append(path)
        else:
            skipped.append(f"{path} is skipped: it is neither a picture nor a video by its name.")
    return pictures, videos, skipped


def picture_pairs(source: Path, target: Path, suffix: str = ".png") -> dict[Path, Path]:
    """Every picture ``name.ext`` of ``source`` and its ``name`` with ``suffix`` in ``target``, made if missing.

    Raises UserError when ``source`` holds no pictures or two of one stem, or ``target`` cannot be made.
    """
    pictures, _, _ = sorted_out(source)
    if not pictures:
        raise UserError(f"{source} holds no pictures ({', '.join(STILL_SUFFIXES)}); name a directory that does")
    return pairs_of(pictures, target, suffix)


def pairs_of(files: list[Path], target: Path, suffix: str) -> dict[Path, Path]:
    """Each of ``files`` and its stem with ``suffix`` in ``target``, made if missing. Raises UserError as above."""
    pairs: dict[Path, Path] = {}
    for file in files:
        written = target / f"{file.stem}{suffix}"
        if written in pairs.values():
            kind = "pictures" if file.suffix.lower() in STILL_SUFFIXES else "videos"
            raise UserError(f"{file.parent} has two {kind} named {file.stem}; rename one, both would be {written}")
        pairs[file] = written
    make_folder(target)
    return pairs


def make_folder(target: Path) -> None:
    """Raises UserError where it cannot be made."""
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the directory {target} cannot be made: {error.strerror}; choose another") from None
