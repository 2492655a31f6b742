"""The tiny random model, and media for it."""

from pathlib import Path

import pytest
from footage import grey_of, write_clip, write_picture


@pytest.fixture(scope="session")
def converter():
    from engine.inference.load import load

    return load("tiny", device="cpu")


@pytest.fixture(scope="session")
def media(tmp_path_factory) -> Path:
    """A folder with clip.mp4 and other.mp4 (24 frames each at 24 frames/s) and plates/plate.1001.png to 1012."""
    folder = tmp_path_factory.mktemp("media")
    for name in ("clip.mp4", "other.mp4"):
        write_clip(folder / name, 24)
    (folder / "plates").mkdir()
    for number in range(1001, 1013):
        write_picture(folder / "plates" / f"plate.{number}.png", grey_of(number - 1001))
    return folder
