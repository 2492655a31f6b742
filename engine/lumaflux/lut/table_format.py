"""The formats of a table by name; apart, so that a command's help imports nothing large."""

from typing import Literal

Format = Literal["cube", "clf", "mpv"]
