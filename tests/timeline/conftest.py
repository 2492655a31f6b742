"""The tiny random model, and the media that the timelines of these tests show."""

from footage import converter, media

__all__ = ["converter", "media"]
